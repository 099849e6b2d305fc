"""What the log's disk may do to a proxy under load: refuse, fill up, stall, lose its files.

Each time the same is asked: it goes on without a restart, nothing that was answered is missing, and
`sallyport-audit verify` holds. Refusals are made with strace's fault injection on the writer's
thread, and with a file system of a few megabytes; both need root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from harness.client import Client, once, request
from harness.proxy import Proxy, audit, settings
from harness.waiting import until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

wait_for = partial(until, timeout=60.0)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB, on which nothing else is."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("file systems can't be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def make(tmp_path, upstream, tokens):
    """Starts a proxy whose log is at that place; it is killed when a test leaves it running."""
    running = []

    def start(directory: Path | None = None, **changes) -> Proxy:
        config = settings(tmp_path, upstream.port, tokens)
        if directory:
            config["audit"]["directory"] = str(directory / "audit")
        config["audit"] |= {"bound": {"time": "300ms", "records": 65536}, **changes}
        running.append(Proxy(tmp_path, config).start())
        return running[-1]

    yield start
    for proxy in running:
        if proxy.process.poll() is None:
            proxy.kill()


class Load:
    """Clients that ask without a pause, and keep what they were answered."""

    def __init__(self, proxy: Proxy, clients: int = 3):
        self.proxy = proxy
        self.answers: list[tuple[float, int, str]] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def run(self):
        while not self.stopping.is_set():
            try:
                with Client(self.proxy.address) as client:
                    while not self.stopping.is_set():
                        response = client.ask(request(target="/open/load"))
                        with self.lock:
                            self.answers.append(
                                (time.monotonic(), response.status, response.receipt))
            except Exception:  # noqa: BLE001 a closed connection is not an answer
                self.stopping.wait(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.until(200)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def until(self, status: int, more: int = 20):
        """Waits for so many more answers of this status."""
        def count():
            with self.lock:
                return sum(1 for _, found, _ in self.answers if found == status)

        before = count()
        wait_for(lambda: count() >= before + more, f"{more} answers {status}")


def says(proxy: Proxy, words: str):
    wait_for(lambda: any(words in line for line in proxy.lines), f"the words '{words}'")


class Faults:
    """strace on the writer's thread, with what it is to do to some system calls, or only to those
    on the file at `path`."""

    def __init__(self, proxy: Proxy, *injections: str, path=None):
        thread = next(task.name for task in Path(f"/proc/{proxy.pid}/task").iterdir()
                      if (task / "comm").read_text().strip() == "audit-writer")
        command = ["strace", "-qq", "-o", "/dev/null", "-p", thread]
        if path:
            command += ["-P", str(path)]
        for injection in injections:
            command += ["-e", f"inject={injection}"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.status = Path(f"/proc/{proxy.pid}/task/{thread}/status")
        wait_for(lambda: "TracerPid:\t0\n" not in self.status.read_text(), "strace's arrival")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait()
        wait_for(lambda: "TracerPid:\t0\n" in self.status.read_text(), "strace's departure")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def finish(proxy: Proxy, load: Load, notices=()) -> Counter:
    """Stops the proxy; every answer's record is there, once, and the log holds.

    Returns how often each lifecycle event is in the log.
    """
    assert proxy.stop() == 0, "".join(proxy.lines)
    recorded = Counter()
    for record in proxy.log.requests():
        core = record.core
        recorded[f"{proxy.log.folder.name}.{core['boot']}.{core['worker']}.{core['seq']}"] += 1
    missing = [answer for answer in load.answers if recorded[answer[2]] != 1]
    assert not missing, f"{len(missing)} of {len(load.answers)}: {missing[:5]}"
    done = audit("verify", proxy.log.directory, check=None)
    assert done.returncode == 0, done.stdout + done.stderr
    return Counter(record.core.get("event") for record in proxy.log.records()
                   if record.kind == "lifecycle")


REFUSALS = {
    "a sync that fails": ("fdatasync:error=EIO", "write_failed"),
    "no sync of any kind": ("fdatasync,fsync:error=EIO", "write_failed"),
    "a full disk": ("pwrite64:error=ENOSPC", "disk_full"),
    "a quota": ("pwrite64:error=EDQUOT", "disk_full"),
    "a read-only disk": ("pwrite64,openat:error=EROFS", "read_only"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_disk_refuses_is_kept_until_it_takes_it(make, case):
    injection, reason = REFUSALS[case]
    proxy = make()
    with Load(proxy) as load:
        with Faults(proxy, injection):
            says(proxy, f"can't be written ({reason})")
            load.until(503)
        says(proxy, "is written again")
        load.until(200)
    finish(proxy, load)
    # A checkpoint may have been refused as well, before the first frame was.
    degraded, resumed = (
        [event for event in proxy.log.events(name) if event["what"] == "records"]
        for name in ("log_degraded", "log_resumed"))
    assert [event["reason"] for event in degraded] == [reason]
    assert len(resumed) == 1 and resumed[0]["ms"] > 0


@pytest.mark.parametrize("injection", ["fdatasync:error=EIO:when=1",
                                       "pwrite64:error=ENOSPC:when=1"])
def test_one_refusal_costs_a_segment_and_no_answer(make, injection):
    """It is final for its file, and the next file takes the same frames."""
    proxy = make()
    with Load(proxy) as load:
        before = len(proxy.log.segments())
        # Of the segment: what else the writer writes is for checkpoints.
        with Faults(proxy, injection, path=proxy.log.segments()[-1]):
            load.until(200, more=200)
            # Answers may come faster than the next commit.
            wait_for(lambda: len(proxy.log.segments()) > before, "another segment")
        load.until(200)
    assert {status for _, status, _ in load.answers} == {200}
    events = finish(proxy, load)
    assert events["log_degraded"] == 0
    assert events["segment_failed"] == 1


def test_a_full_disk_that_is_emptied(make, small_disk):
    proxy = make(small_disk)
    filler = small_disk / "filler"
    with Load(proxy) as load:
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
        load.until(503)
        says(proxy, "can't be written (disk_full)")
        filler.unlink()
        says(proxy, "is written again")
        load.until(200)
    assert finish(proxy, load)["log_degraded"] >= 1


def test_what_is_under_way_on_a_full_disk_gets_its_records(make, small_disk):
    """The reserve is given up for them, and made again; no answer is without its record."""
    proxy = make(small_disk, disk={"reserve": "4MiB"}, rotate={"size": "1MiB"})
    reserve = next((small_disk / "audit").iterdir()) / "spare/reserve"
    wait_for(lambda: reserve.exists() and reserve.stat().st_size == 4 << 20, "the reserve")
    filler = small_disk / "filler"
    with Load(proxy) as load:
        with open(filler, "wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
        says(proxy, "can't be written (disk_full)")
        assert not reserve.exists()
        load.until(503)
        # The refusals have records, too, and checkpoints follow.
        checkpoint = proxy.log.folder / "tlog/checkpoint"
        before = checkpoint.read_bytes()
        load.until(503)
        wait_for(lambda: checkpoint.read_bytes() != before, "a checkpoint on a full disk")
        filler.unlink()
        says(proxy, "is written again")
        load.until(200)
        wait_for(reserve.exists, "the reserve")
    finish(proxy, load)
    works = [[event["what"] for event in proxy.log.events(name)]
             for name in ("log_degraded", "log_resumed")]
    assert all(work.count("reserve") == 1 and "records" not in work for work in works), works


def test_a_stalled_disk(make):
    proxy = make()
    with Load(proxy) as load:
        with Faults(proxy, "fdatasync:delay_enter=4000000:when=1"):
            says(proxy, "can't be written (stalled)")
            load.until(503, more=1)
            says(proxy, "is written again")
        load.until(200)
    assert finish(proxy, load)["disk_stalled"] == 1
    assert proxy.log.events("disk_stalled")[0]["ms"] >= 3900


@pytest.mark.parametrize("how", ["removed", "renamed", "moved", "replaced"])
def test_a_lost_segment_is_written_back(make, tmp_path, how):
    proxy = make()
    with Load(proxy) as load:
        segment = proxy.log.segments()[-1]
        if how == "removed":
            segment.unlink()
        elif how == "renamed":
            segment.rename(segment.with_suffix(".aside"))
        elif how == "moved":
            shutil.move(segment, tmp_path / "elsewhere")
        else:
            other = tmp_path / "other"
            other.write_bytes(b"not evidence")
            other.rename(segment)
        wait_for(lambda: segment.exists() and segment.stat().st_size > 1000, "the segment")
        load.until(200, more=100)
    assert {status for _, status, _ in load.answers} == {200}
    assert finish(proxy, load)["segment_restored"] == 1
    was = proxy.log.events("segment_restored")[0]["was"]
    assert was == ("removed" if how == "moved" else how)


def test_a_lost_folder_is_made_again(make):
    proxy = make()
    segments = proxy.log.folder / "segments"
    with Load(proxy) as load:
        shutil.rmtree(segments)
        wait_for(lambda: segments.is_dir() and any(segments.glob("*.alog")), "the folder")
        load.until(200, more=100)
    assert finish(proxy, load)["segment_restored"] == 1


def test_checkpoints_that_are_refused_do_not_stop_records(make):
    """A file where tiles belong: checkpoints wait, answers don't."""
    proxy = make()
    with Load(proxy) as load:
        tiles = proxy.log.folder / "tlog/tile"
        wait_for(tiles.is_dir, "tiles")
        tiles.rename(tiles.with_name("aside"))
        tiles.write_bytes(b"")
        says(proxy, "checkpoints can't be signed or stored")
        load.until(200, more=100)
        tiles.unlink()
        tiles.with_name("aside").rename(tiles)
        says(proxy, "is written again")
        load.until(200)
    assert {status for _, status, _ in load.answers} == {200}
    events = finish(proxy, load)
    assert events["log_degraded"] == events["log_resumed"] == 1
    assert proxy.log.events("log_degraded")[0]["what"] == "checkpoints"


def test_a_kill_while_the_disk_refuses(make):
    """What the next start finds is all that had been answered before the bound."""
    proxy = make()
    with Load(proxy) as load:
        wait_for(lambda: load.answers[-1][0] - load.answers[0][0] > 1.5, "a second of load")
        faults = Faults(proxy, "fdatasync:error=EIO")
        refused = time.monotonic()
        says(proxy, "can't be written (write_failed)")
        load.until(503)
        proxy.kill()
        faults.process.wait()
    proxy.start()
    after = once(proxy.address, request(target="/health"))
    proxy.record(after)
    load.answers = [answer for answer in load.answers if answer[0] < refused - 0.5]
    assert load.answers
    finish(proxy, load)
