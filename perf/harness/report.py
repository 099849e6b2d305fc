"""What was measured, as a table for a terminal and for perf/results."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .load import LoadResult
from .processes import PROXY_CORE, ProcessorTime


@dataclass
class Round:
    """One run of the load against one proxy."""

    load: LoadResult
    processor: ProcessorTime
    busy_share: float
    other_share: float
    logged: int | None
    threads: dict[str, float] = field(default_factory=dict)

    def microseconds(self, seconds: float) -> float:
        return seconds / self.load.requests * 1e6


@dataclass
class Series:
    """All rounds of one proxy."""

    name: str
    work: str
    rounds: list[Round] = field(default_factory=list)
    calls: float | None = None
    calls_by_name: dict[str, float] = field(default_factory=dict)

    def middle(self, value) -> float:
        return median(value(each) for each in self.rounds)

    @property
    def cost(self) -> float:
        return self.middle(lambda each: each.microseconds(each.processor.total))

    @property
    def rate(self) -> float:
        return self.middle(lambda each: each.load.requests_per_second)


def logged_text(series: Series) -> str:
    """Log lines against requests answered, summed over the rounds."""
    if any(each.logged is None for each in series.rounds):
        return "–"
    logged = sum(each.logged for each in series.rounds)
    answered = sum(each.load.requests for each in series.rounds)
    missing = answered - logged
    return f"{logged / answered:.4f}" + (f" ({missing} missing)" if missing > 0 else "")


def table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        first, *rest = cells
        padded = [first.ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(rest, widths[1:])]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)
    )
    return "\n".join([line(header), rule + "|", *map(line, rows)])


def main_table(all_series: list[Series]) -> str:
    header = ["proxy", "requests/s", "CPU µs/req", "user", "system", "min–max", "calls/req"]
    header += ["p50 ms", "p99 ms", "logged/answered", "failed", "core busy", "others"]
    rows = []
    for series in all_series:
        costs = [each.microseconds(each.processor.total) for each in series.rounds]
        rows.append(
            [
                series.name,
                f"{series.rate:,.0f}",
                f"{series.cost:.2f}",
                f"{series.middle(lambda each: each.microseconds(each.processor.user)):.2f}",
                f"{series.middle(lambda each: each.microseconds(each.processor.system)):.2f}",
                f"{min(costs):.1f}–{max(costs):.1f}",
                "–" if series.calls is None else f"{series.calls:.2f}",
                f"{series.middle(lambda each: each.load.p50_milliseconds):.2f}",
                f"{series.middle(lambda each: each.load.p99_milliseconds):.2f}",
                logged_text(series),
                str(sum(each.load.failures for each in series.rounds)),
                f"{series.middle(lambda each: each.busy_share):.0%}",
                f"{series.middle(lambda each: each.other_share):.0%}",
            ]
        )
    return table(header, rows)


def ratio_table(all_series: list[Series]) -> str:
    yardsticks = [each for each in all_series if each.name in ("haproxy", "nginx", "relay")]
    header = ["CPU per request, as a ratio", *(f"÷ {each.name}" for each in yardsticks)]
    rows = [
        [each.name, *(f"{each.cost / yardstick.cost:.2f}" for yardstick in yardsticks)]
        for each in all_series
    ]
    return table(header, rows)


def threads_text(all_series: list[Series]) -> str:
    """Time of each thread, for the proxies that have more than one."""
    lines = []
    for series in all_series:
        names = {name for each in series.rounds for name in each.threads}
        costs = {
            name: series.middle(lambda each: each.microseconds(each.threads.get(name, 0)))
            for name in names
        }
        shown = [f"{name} {cost:.2f}" for name, cost in sorted(costs.items()) if cost >= 0.005]
        if len(shown) > 1:
            lines.append(f"- {series.name}: " + ", ".join(shown))
    return "\n".join(lines)


def calls_text(all_series: list[Series]) -> str:
    lines = []
    for series in all_series:
        if series.calls is not None:
            parts = [f"{name} {count:.3f}" for name, count in series.calls_by_name.items()]
            lines.append(f"- {series.name}: {series.calls:.2f} = " + ", ".join(parts))
    return "\n".join(lines)


def report(all_series: list[Series], options: str, notes: list[str]) -> str:
    parts = [main_table(all_series)]
    if len(all_series) > 1:
        parts.append(ratio_table(all_series))
    threads = threads_text(all_series)
    if threads:
        parts.append("CPU µs per request by thread:\n\n" + threads)
    calls = calls_text(all_series)
    if calls:
        parts.append("System calls per request (a round of its own):\n\n" + calls)
    parts.append("The work:\n\n" + "\n".join(f"- {each.name}: {each.work}" for each in all_series))
    parts += notes
    parts.append(f"{options}\n{machine()}")
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    versions = ", ".join(
        filter(None, (first_line(["nginx", "-v"]), first_line(["haproxy", "-v"])))
    )
    return (
        f"Machine: {model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux "
        f"{platform.release()}; the proxy on core {PROXY_CORE}. {versions}."
    )


def first_line(command: list[str]) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    text = (ended.stdout + ended.stderr).strip().splitlines()
    return text[0].split(" - ")[0].replace("nginx version: ", "") if text else ""
