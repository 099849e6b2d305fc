"""Starts proxies, loads them and reads what that cost: the part that all measurements share."""

import argparse
import sys
import time
from pathlib import Path

from . import certificates, load, processes, proxies, report, system_calls, tokens


class Bench:
    """The upstream, the keys and one token, shared by all rounds."""

    def __init__(self, directory: Path, options: argparse.Namespace) -> None:
        self.options = options
        self.directory = directory
        self.keys = tokens.TokenKeys(directory)
        self.token = self.keys.token()
        self.upstream = proxies.Upstream(directory)
        self.certificate: certificates.Certificate | None = None
        self.count = 0

    def open(self, name: str) -> proxies.Proxy:
        """A started proxy in a folder of its own, warmed up; with TLS if there is a certificate."""
        self.count += 1
        directory = self.directory / f"{self.count:03}"
        directory.mkdir()
        proxy = proxies.PROXIES[name](
            directory, self.upstream.port, self.keys, self.certificate
        )
        try:
            proxy.start()
            cores = proxy.process.cores()
            if cores != {str(processes.PROXY_CORE)}:
                raise processes.HarnessError(f"{name} has threads on cores {sorted(cores)}")
            self.warm_up = self.load(proxy, self.options.warm_up)
            if self.warm_up.failures:
                raise processes.HarnessError(
                    f"{name} failed {self.warm_up.failures} of {self.warm_up.requests} requests:\n"
                    + proxy.process.output_tail()
                )
        except BaseException:
            proxy.stop()
            raise
        return proxy

    def load_command(self, proxy: proxies.Proxy, seconds: float) -> list[str]:
        return load.wrk_command(proxy.origin, self.token, self.options.connections, seconds)

    def load(self, proxy: proxies.Proxy, seconds: float) -> load.LoadResult:
        return load.run_load(self.load_command(proxy, seconds), seconds)

    def measure(self, name: str) -> report.Round:
        proxy = self.open(name)
        try:
            before, started = proxy.process.processor_time(), time.monotonic()
            threads_before = proxy.process.thread_times()
            busy_before = processes.core_busy_seconds(processes.PROXY_CORE)
            result = self.load(proxy, self.options.seconds)
            threads = {
                name: seconds - threads_before.get(name, 0)
                for name, seconds in proxy.process.thread_times().items()
            }
            spent = proxy.process.processor_time() - before
            elapsed = time.monotonic() - started
            busy = processes.core_busy_seconds(processes.PROXY_CORE) - busy_before
        finally:
            code = proxy.stop()
        if code not in (0, -15):
            raise processes.HarnessError(f"{name} ended with {code}:\n{proxy.process.output_tail()}")
        logged = proxy.count_logged()
        if logged is not None:
            logged -= self.warm_up.requests
        return report.Round(
            load=result,
            processor=spent,
            busy_share=spent.total / elapsed,
            other_share=max(0.0, busy - spent.total) / elapsed,
            logged=logged,
            threads=threads,
        )

    def count_calls(self, series: report.Series) -> None:
        proxy = self.open(series.name)
        try:
            seconds = min(2.0, self.options.seconds)
            series.calls, series.calls_by_name, _ = system_calls.count_calls(
                proxy.process, self.load_command(proxy, seconds), seconds
            )
        finally:
            proxy.stop()


def measure_all(bench: Bench, options: argparse.Namespace) -> list[report.Series]:
    all_series = {
        name: report.Series(name, proxies.PROXIES[name].work) for name in options.only
    }
    for number in range(options.rounds):
        # Alternating order, so that a drift of the machine does not favour one of them.
        order = options.only if number % 2 == 0 else list(reversed(options.only))
        for name in order:
            each = bench.measure(name)
            all_series[name].rounds.append(each)
            print(
                f"round {number + 1} {name}: {each.load.requests_per_second:,.0f} requests/s, "
                f"{each.microseconds(each.processor.total):.2f} µs/request, "
                f"others on the core {each.other_share:.0%}",
                file=sys.stderr,
            )
    if not options.no_system_calls:
        for series in all_series.values():
            bench.count_calls(series)
    return list(all_series.values())
