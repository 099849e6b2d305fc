"""Processes pinned to a core: start, look at, end by their own pid."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROXY_CORE = 0
LOAD_CORE = 1
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class HarnessError(Exception):
    """The measurement cannot go on."""


def free_port() -> int:
    """A port that the kernel gave to a socket just closed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(port: int, process: "PinnedProcess", seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.popen.poll() is not None:
            raise HarnessError(f"{process.name} ended at start:\n{process.output_tail()}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise HarnessError(f"{process.name} does not listen after {seconds} s:\n{process.output_tail()}")


@dataclass
class ProcessorTime:
    user: float
    system: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __sub__(self, other: "ProcessorTime") -> "ProcessorTime":
        return ProcessorTime(self.user - other.user, self.system - other.system)


class PinnedProcess:
    """One process and its children, all on one core."""

    def __init__(
        self,
        name: str,
        core: int,
        arguments: list[str],
        directory: Path,
        environment: dict[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        self.name = name
        self.output = output or directory / f"{name}.out"
        with open(self.output, "ab") as out, open(directory / f"{name}.err", "ab") as err:
            self.popen = subprocess.Popen(
                ["taskset", "-c", str(core), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=directory,
                env={**os.environ, **(environment or {})},
            )
        self.errors = directory / f"{name}.err"

    @property
    def pid(self) -> int:
        return self.popen.pid

    def output_tail(self) -> str:
        text = self.errors.read_text(errors="replace") + self.output.read_text(errors="replace")
        return text[-2000:]

    def pids(self) -> list[int]:
        """The process and its descendants."""
        found, pending = [], [self.pid]
        while pending:
            pid = pending.pop()
            found.append(pid)
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pending += map(int, (task / "children").read_text().split())
            except OSError:
                pass
        return found

    def processor_time(self) -> ProcessorTime:
        """User and system time of all threads of all its processes, ended children included."""
        user = system = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            user += int(fields[11])
            system += int(fields[12])
            if pid == self.pid:
                user += int(fields[13])
                system += int(fields[14])
        return ProcessorTime(user * TICK_SECONDS, system * TICK_SECONDS)

    def thread_times(self) -> dict[str, float]:
        """User and system time by thread name, of the threads that live now."""
        times: dict[str, float] = {}
        for pid in self.pids():
            for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
                head, rest = stat.read_text().rsplit(")", 1)
                fields = rest.split()
                name = head.split("(", 1)[1]
                times[name] = times.get(name, 0) + (int(fields[11]) + int(fields[12])) * TICK_SECONDS
        return times

    def resident_bytes(self) -> int:
        """Resident memory of all its processes; pages that they share count once for each."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def cores(self) -> set[str]:
        """Where the kernel may run its threads, as `Cpus_allowed_list` says."""
        lists = set()
        for pid in self.pids():
            for status in Path(f"/proc/{pid}/task").glob("*/status"):
                for line in status.read_text().splitlines():
                    if line.startswith("Cpus_allowed_list:"):
                        lists.add(line.split()[1])
        return lists

    def stop(self, stop_signal: int = signal.SIGTERM, seconds: float = 20) -> int | None:
        """Ends it by its pid; its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(stop_signal)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                children = [pid for pid in self.pids() if pid != self.pid]
                self.popen.kill()
                self.popen.wait(10)
                for pid in children:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        return self.popen.returncode


def core_busy_seconds(core: int) -> float:
    """Time that `core` did not idle since boot, stolen time included."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            values = list(map(int, line.split()[1:9]))
            idle = values[3] + values[4]
            return (sum(values) - idle) * TICK_SECONDS
    raise HarnessError(f"no core {core}")
