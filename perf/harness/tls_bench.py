"""What TLS costs: requests over kept connections, handshakes, and connections that only wait."""

import argparse
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from . import certificates, processes, proxies, report
from .bench import Bench, measure_all
from .handshakes import HandshakeResult, HandshakeTool

# Certificate, version, kind. A resumed handshake signs nothing, so one certificate is enough.
HANDSHAKES = [
    ("P-256", "1.3", "full"),
    ("P-256", "1.2", "full"),
    ("RSA-2048", "1.3", "full"),
    ("RSA-2048", "1.2", "full"),
    ("P-256", "1.3", "resumed"),
    ("P-256", "1.2", "resumed"),
]


@dataclass
class HandshakeRound:
    result: HandshakeResult
    processor: float
    busy_share: float

    @property
    def microseconds(self) -> float:
        return self.processor / max(self.result.handshakes, 1) * 1e6


@dataclass
class Idle:
    """Idle connections of one proxy: resident bytes before and with them."""

    connections: int
    before: int
    after: int
    open_at_end: int

    @property
    def each(self) -> float:
        return (self.after - self.before) / self.connections


@dataclass
class Results:
    """Everything that one run measured."""

    requests: dict[str, list[report.Series]] = field(default_factory=dict)
    handshakes: dict[tuple, dict[str, list[HandshakeRound]]] = field(default_factory=dict)
    idle: dict[str, list[Idle]] = field(default_factory=dict)
    negotiated: dict[str, str] = field(default_factory=dict)


def say(text: str) -> None:
    print(text, file=sys.stderr)


class TLSBench:
    """One run of `perf/run --tls`."""

    def __init__(self, directory: Path, options: argparse.Namespace) -> None:
        self.options = options
        self.bench = Bench(directory, options)
        self.tool = HandshakeTool(directory, self.bench.token)
        self.certificates = {
            kind: certificates.make_certificate(directory / kind, kind)
            for kind in certificates.KINDS
        }
        self.results = Results()

    def run(self) -> Results:
        parts = self.options.parts
        if "requests" in parts:
            self.measure_requests()
        if "handshakes" in parts:
            self.measure_handshakes()
        if "idle" in parts:
            self.measure_idle()
        return self.results

    def stop(self) -> None:
        self.bench.upstream.stop()

    def orders(self, rounds: int):
        for number in range(rounds):
            names = self.options.only
            yield from ((number, name) for name in (names if number % 2 == 0 else names[::-1]))

    # Requests

    def measure_requests(self) -> None:
        for kind, certificate in self.certificates.items():
            self.bench.certificate = certificate
            say(f"requests over TLS 1.3, {kind}")
            self.results.requests[kind] = measure_all(self.bench, self.options)

    # Handshakes

    def measure_handshakes(self) -> None:
        for case in HANDSHAKES:
            kind, version, mode = case
            self.bench.certificate = self.certificates[kind]
            rounds = self.results.handshakes.setdefault(case, {})
            for number, name in self.orders(self.options.handshake_rounds):
                each = self.measure_handshake(name, version, mode)
                rounds.setdefault(name, []).append(each)
                say(
                    f"round {number + 1} {mode} handshakes, {kind}, TLS {version}, {name}: "
                    f"{each.result.handshakes / each.result.seconds:,.0f}/s, "
                    f"{each.microseconds:.1f} µs each"
                )

    def measure_handshake(self, name: str, version: str, mode: str) -> HandshakeRound:
        seconds = self.options.handshake_seconds
        proxy = self.bench.open(name)
        try:
            self.note_negotiated(proxy, name)
            self.tool.rate(proxy.port, mode, version, 0.3)
            before, started = proxy.process.processor_time(), time.monotonic()
            result = self.tool.rate(proxy.port, mode, version, seconds)
            spent = (proxy.process.processor_time() - before).total
            elapsed = time.monotonic() - started
        finally:
            proxy.stop()
        expected = result.handshakes if mode == "resumed" else 0
        if result.failures or result.resumed != expected:
            raise processes.HarnessError(
                f"{name}, {mode}, TLS {version}: {result.failures} handshakes failed "
                f"({result.failure}), {result.resumed} of {result.handshakes} were resumed"
            )
        return HandshakeRound(result, spent, spent / elapsed)

    def note_negotiated(self, proxy: proxies.Proxy, name: str) -> None:
        """What an ordinary client of TLS 1.3 and 1.2 gets, so that the table can say it."""
        texts = []
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = context.maximum_version = version
            with socket.create_connection(("127.0.0.1", proxy.port), 10) as connection:
                with context.wrap_socket(connection, server_hostname=proxies.HOST) as secure:
                    texts.append(secure.cipher()[0])
        kind = self.bench.certificate.kind
        self.results.negotiated.setdefault(f"{name}, {kind}", ", ".join(texts))

    # Idle connections

    def measure_idle(self) -> None:
        self.bench.certificate = self.certificates["P-256"]
        for number, name in self.orders(self.options.idle_rounds):
            each = self.measure_idle_once(name)
            self.results.idle.setdefault(name, []).append(each)
            say(
                f"round {number + 1} {each.connections:,} idle connections, {name}: "
                f"{each.each / 1024:.1f} KiB each"
            )

    def measure_idle_once(self, name: str) -> Idle:
        mode, proxies.HAProxy.log_mode = proxies.HAProxy.log_mode, "udp"
        try:
            # A ring in memory would fill while the connections open.
            proxy = self.bench.open(name)
        finally:
            proxies.HAProxy.log_mode = mode
        try:
            time.sleep(0.5)
            before = proxy.process.resident_bytes()
            idle = self.tool.hold(proxy.port, self.options.idle_connections)
            time.sleep(0.5)
            after = proxy.process.resident_bytes()
            still_open = idle.close()
        finally:
            proxy.stop()
        if still_open != idle.held:
            raise processes.HarnessError(f"{name} closed {idle.held - still_open} idle connections")
        return Idle(idle.held, before, after, still_open)


# MARK: the tables


def handshake_tables(results: Results) -> str:
    names = list(next(iter(results.handshakes.values())))
    others = [name for name in names if name != "sallyport"] if "sallyport" in names else []
    header = ["handshakes, CPU µs each (least)", *names, *(f"sallyport ÷ {name}" for name in others)]
    rates = ["handshakes/s (core busy)", *names]
    cost_rows, rate_rows = [], []
    for (kind, version, mode), rounds in results.handshakes.items():
        title = f"{mode}, {kind}, TLS {version}" if mode == "full" else f"{mode}, TLS {version}"
        cost = {name: median(each.microseconds for each in rounds[name]) for name in names}
        least = {name: min(each.microseconds for each in rounds[name]) for name in names}
        cost_rows.append(
            [title, *(f"{cost[name]:.1f} ({least[name]:.0f})" for name in names)]
            + [f"{cost['sallyport'] / cost[name]:.2f}" for name in others]
        )
        rate_rows.append([title, *(rate_text(rounds[name]) for name in names)])
    return report.table(header, cost_rows) + "\n\n" + report.table(rates, rate_rows)


def rate_text(rounds: list[HandshakeRound]) -> str:
    rate = median(each.result.handshakes / each.result.seconds for each in rounds)
    return f"{rate:,.0f} ({median(each.busy_share for each in rounds):.0%})"


def idle_table(results: Results) -> str:
    header = ["idle connections", "number", "RSS before", "RSS with them", "KiB each", "min–max"]
    rows = []
    for name, rounds in results.idle.items():
        each = [idle.each / 1024 for idle in rounds]
        rows.append(
            [
                name,
                f"{rounds[0].connections:,}",
                f"{median(idle.before for idle in rounds) / 2**20:.1f} MiB",
                f"{median(idle.after for idle in rounds) / 2**20:.1f} MiB",
                f"{median(each):.1f}",
                f"{min(each):.1f}–{max(each):.1f}",
            ]
        )
    return report.table(header, rows)


def text(results: Results, options: argparse.Namespace) -> str:
    parts = []
    for kind, all_series in results.requests.items():
        parts.append(f"## Requests over TLS 1.3, {kind} certificate")
        parts.append(
            report.report(
                all_series,
                f"{options.rounds} rounds of {options.seconds:g} s after {options.warm_up:g} s of "
                f"warm-up, {options.connections} connections; medians.",
                [],
            ).rstrip()
        )
    if results.handshakes:
        parts.append("## Handshakes")
        parts.append(handshake_tables(results))
        parts.append(
            f"{options.handshake_rounds} rounds of {options.handshake_seconds:g} s, medians and "
            "least; 16 connections at a time; each is made, closed by close_notify "
            "and read to its end, without a request. The server's time, from /proc. Where the core isn't busy, the client was "
            "the limit. Negotiated for TLS 1.3 and 1.2:\n\n"
            + "\n".join(f"- {who}: {what}" for who, what in sorted(results.negotiated.items()))
        )
    if results.idle:
        parts.append("## Memory of idle connections")
        parts.append(idle_table(results))
        parts.append(
            f"Resident memory of all processes of a proxy, {options.idle_rounds} rounds; each "
            "connection has made one request over TLS 1.3 with the P-256 certificate."
        )
    if not results.requests:
        parts.append(report.machine())
    return "\n\n".join(parts) + "\n"
