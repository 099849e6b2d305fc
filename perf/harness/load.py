"""The closed loop: wrk on the load's core."""

import re
import subprocess
from dataclasses import dataclass

from .processes import LOAD_CORE, HarnessError
from .proxies import HOST, PATH

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass
class LoadResult:
    requests: int
    seconds: float
    p50_milliseconds: float
    p99_milliseconds: float
    failures: int

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds


def wrk_command(origin: str, token: str, connections: int, seconds: float) -> list[str]:
    return [
        *("taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}"),
        *(f"-d{max(1, round(seconds))}s", "--timeout", "10s", "--latency"),
        *("-H", f"Host: {HOST}", "-H", f"Authorization: Bearer {token}"),
        *("-H", "User-Agent: wrk/4.1.0", "-H", "Accept: application/json"),
        f"{origin}{PATH}",
    ]


def run_load(command: list[str], seconds: float) -> LoadResult:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if ended.returncode != 0:
        raise HarnessError(f"{' '.join(command[:6])}…: {ended.stdout}{ended.stderr}")
    return parse_wrk(ended.stdout)


def parse_wrk(text: str) -> LoadResult:
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", text)
    if not total:
        raise HarnessError(f"wrk said: {text}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failures = int(refused.group(1)) if refused else 0
    failures += sum(map(int, errors.groups())) if errors else 0
    return LoadResult(
        requests=int(total.group(1)),
        seconds=float(total.group(2)) * UNITS[total.group(3)] / 1e3,
        p50_milliseconds=percentile(text, "50"),
        p99_milliseconds=percentile(text, "99"),
        failures=failures,
    )


def percentile(text: str, which: str) -> float:
    found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)
    return float(found.group(1)) * UNITS[found.group(2)] if found else 0.0
