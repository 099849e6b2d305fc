"""Whether Sallyport keeps memory: requests and handshakes while its certificates are swapped."""

import argparse
import hashlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import certificates, load, processes, proxies, report
from .bench import Bench
from .handshakes import HandshakeTool, parse_result


class Swapping:
    """Swaps certificates every second, and looks which of them a new connection gets."""

    def __init__(self, certificate: certificates.SwappedCertificate, port: int) -> None:
        self.certificate = certificate
        self.port = port
        self.seen: set[str] = set()
        self.changes = 0
        self.failures: list[str] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        last = ""
        while not self.ended.wait(0.5):
            self.certificate.swap()
            self.ended.wait(0.5)
            try:
                shown = self.look()
            except OSError as error:
                self.failures.append(str(error))
                continue
            self.seen.add(shown)
            self.changes += shown != last
            last = shown

    def look(self) -> str:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            with context.wrap_socket(connection, server_hostname=proxies.HOST) as secure:
                return hashlib.sha256(secure.getpeercert(True)).hexdigest()

    def __enter__(self) -> "Swapping":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join(20)


def measure(directory: Path, options: argparse.Namespace) -> tuple[str, bool]:
    bench = Bench(directory, options)
    try:
        swapped = certificates.SwappedCertificate(directory / "swapped", "P-256")
        bench.certificate = swapped.certificate
        tool = HandshakeTool(directory, bench.token)
        proxy = bench.open("sallyport")
        try:
            run = LeakRun(bench, proxy, tool, swapped, options)
            run.run()
        finally:
            code = proxy.stop()
        if code not in (0, -15):
            raise processes.HarnessError(f"it ended with {code}:\n{proxy.process.output_tail()}")
        return run.text(), run.holds
    finally:
        bench.upstream.stop()


class LeakRun:
    """The load in stretches, resident memory after each."""

    def __init__(self, bench, proxy, tool, swapped, options) -> None:
        self.bench, self.proxy, self.tool = bench, proxy, tool
        self.swapped, self.options = swapped, options
        self.swapping = Swapping(swapped, proxy.port)
        self.requests = self.request_failures = 0
        self.handshakes = self.resumed = self.handshake_failures = 0
        self.first_failure = ""
        self.rows: list[tuple[float, int, int, int]] = []

    def run(self) -> None:
        self.started = time.monotonic()
        deadline = self.started + self.options.leak_minutes * 60
        with self.swapping:
            # Caches, pools and the allocator's own memory fill first.
            self.stretch(5, 0.02)
            self.note()
            first = time.monotonic()
            while self.left() and time.monotonic() < deadline:
                self.stretch(10, 0.1)
                self.note()
            self.seconds = time.monotonic() - first

    def left(self) -> bool:
        return (
            self.requests < self.options.leak_requests
            or self.handshakes < self.options.leak_handshakes
        )

    def stretch(self, seconds: float, share: float) -> None:
        """Requests over kept connections, full and resumed handshakes, all at once."""
        commands = []
        for mode, version in (("full", "1.3"), ("resumed", "1.3"), ("full", "1.2")):
            count = max(1, round(self.options.leak_handshakes * share / 3))
            commands.append(
                self.tool.rate_command(self.proxy.port, mode, version, seconds, count, 4)
            )
        others = [
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for command in commands
        ]
        result = self.bench.load(self.proxy, seconds)
        self.requests += result.requests
        self.request_failures += result.failures
        for other in others:
            output, errors = other.communicate(timeout=seconds + 60)
            ended = parse_result(other.returncode, output, errors)
            self.handshakes += ended.handshakes
            self.resumed += ended.resumed
            self.handshake_failures += ended.failures
            self.first_failure = self.first_failure or ended.failure

    def note(self) -> None:
        time.sleep(0.5)
        row = (
            time.monotonic() - self.started, self.requests, self.handshakes,
            self.proxy.process.resident_bytes(),
        )
        self.rows.append(row)
        print(
            f"{row[0]:5.0f} s: {row[1]:,} requests, {row[2]:,} handshakes, "
            f"{row[3] / 2**20:.1f} MiB resident",
            file=sys.stderr,
        )

    @property
    def failures(self) -> int:
        return self.request_failures + self.handshake_failures + len(self.swapping.failures)

    @property
    def holds(self) -> bool:
        """Nothing failed, all was done, the certificates did change."""
        return self.failures == 0 and not self.left() and len(self.swapping.seen) == 2

    def text(self) -> str:
        # Requests since the first row, so that what fills once is no growth.
        before, after = self.rows[0], self.rows[-1]
        growth = after[3] - before[3]
        per_request = growth / max(after[1] - before[1], 1)
        per_handshake = growth / max(after[2] - before[2], 1)
        shown = self.rows[:: max(1, len(self.rows) // 20)]
        if shown[-1] != after:
            shown.append(after)
        rows = [
            [f"{seconds:.0f}", f"{requests:,}", f"{handshakes:,}", f"{memory / 2**20:.1f}"]
            for seconds, requests, handshakes, memory in shown
        ]
        first = self.swapping.failures[0] if self.swapping.failures else self.first_failure
        return "\n\n".join(
            [
                report.table(["s", "requests", "handshakes", "resident MiB"], rows),
                f"{after[1]:,} requests, {self.request_failures} failed; {after[2]:,} handshakes "
                f"({self.resumed:,} resumed), {self.handshake_failures} failed; "
                f"{self.swapped.swaps} swaps of the certificate, {self.swapping.changes} changes "
                f"seen by a new connection half a second later, {len(self.swapping.seen)} "
                f"certificates; {len(self.swapping.failures)} of these connections failed."
                + (f" The first failure: {first}." if first else ""),
                f"Resident memory from the first row to the last: {growth / 2**20:+.1f} MiB, "
                f"{per_request:+.2f} bytes a request or {per_handshake:+.0f} bytes a handshake.",
                report.machine(),
            ]
        ) + "\n"
