"""System calls per request, counted in a round of its own (counting slows a proxy)."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .load import LoadResult, parse_wrk
from .processes import LOAD_CORE, HarnessError, PinnedProcess

# Calls that a proxy might make for each request; a call outside this list is in the total only.
NAMES = (
    "read write readv writev recvfrom sendto recvmsg sendmsg sendfile64 splice pread64 pwrite64 "
    "pwritev epoll_wait epoll_pwait epoll_ctl accept4 socket connect close shutdown setsockopt "
    "getsockopt ioctl futex fdatasync fsync openat mmap munmap madvise brk clock_gettime "
    "timerfd_settime nanosleep clock_nanosleep poll ppoll getrandom sched_yield"
).split()


def can_use_perf() -> bool:
    if not shutil.which("perf"):
        return False
    probe = ["perf", "stat", "-e", "raw_syscalls:sys_enter,syscalls:sys_enter_read", "--", "true"]
    return subprocess.run(probe, capture_output=True, timeout=60).returncode == 0


def count_calls(
    process: PinnedProcess, load: list[str], seconds: float
) -> tuple[float, dict[str, float], LoadResult]:
    """Calls per request in total and by name, over the run of `load`."""
    if can_use_perf():
        result, counts = count_by_perf(process, load, seconds)
    else:
        result, counts = count_by_strace(process, load, seconds)
    total = counts.pop("total")
    by_name = {
        name: count / result.requests
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
        if count / result.requests >= 0.0005
    }
    return total / result.requests, by_name, result


def count_by_perf(
    process: PinnedProcess, load: list[str], seconds: float
) -> tuple[LoadResult, dict[str, int]]:
    known = [name for name in NAMES if Path(f"/sys/kernel/tracing/events/syscalls/sys_enter_{name}").exists()]
    if not known:
        known = NAMES
    events = ["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{name}" for name in known)]
    pids = ",".join(map(str, process.pids()))
    with tempfile.NamedTemporaryFile("r", suffix=".csv") as report:
        # perf counts from attaching to the end of the command that it runs.
        command = ["taskset", "-c", str(LOAD_CORE), "perf", "stat", "-x,", "-o", report.name]
        command += ["-e", ",".join(events), "-p", pids, "--", *load]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90)
        if ended.returncode != 0:
            raise HarnessError(f"perf stat: {ended.stderr}")
        counts = {}
        for line in report.read().splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[0].isdigit():
                name = fields[2].removeprefix("syscalls:sys_enter_")
                counts["total" if name == "raw_syscalls:sys_enter" else name] = int(fields[0])
    return parse_wrk(ended.stdout), counts


def count_by_strace(
    process: PinnedProcess, load: list[str], seconds: float
) -> tuple[LoadResult, dict[str, int]]:
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as report:
        attach = [word for pid in process.pids() for word in ("-p", str(pid))]
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-o", report.name, *attach],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ended = subprocess.run(load, capture_output=True, text=True, timeout=seconds + 90)
        finally:
            tracer.terminate()
            tracer.wait(20)
        counts = {"total": 0}
        for line in report.read().splitlines():
            row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if row:
                name = "total" if row.group(2) == "total" else row.group(2)
                counts[name] = int(row.group(1))
    return parse_wrk(ended.stdout), counts
