"""What systemd hears: ready, reloading, stopping, a line of status, and that every thread moves."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.client import once, request
from harness.proxy import BINARY
from harness.stopped import StoppedThread
from harness.systemd import NotifySocket
from harness.waiting import until


@pytest.fixture
def notify():
    heard = NotifySocket()
    yield heard
    heard.close()


@pytest.fixture
def make(make_proxy, notify):
    """Starts a proxy that tells `notify` how it goes; the watchdog's interval in seconds."""

    def start(watchdog: float | None = None, start=True, **changes):
        proxy = make_proxy(start=False, **changes)
        proxy.environment = {"NOTIFY_SOCKET": str(notify.path)}
        if watchdog:
            proxy.environment["WATCHDOG_USEC"] = str(int(watchdog * 1_000_000))
        return proxy.start() if start else proxy

    return start


def test_ready_is_said_when_it_serves(make, notify):
    proxy = make()
    message = notify.until("READY")
    assert message["READY"] == "1"
    assert re.fullmatch(
        r"\d+ requests; \d+ connections; log healthy, \d+ entries", message["STATUS"])
    assert once(proxy.address, request(target="/health")).status == 200
    line = notify.until("STATUS", wait=15)["STATUS"]
    assert re.match(r"1 requests, \d+\.\d a second; ", line), line
    assert proxy.stop() == 0
    stopping = notify.until("STOPPING")
    assert stopping["STATUS"].startswith("draining ")


def test_a_start_that_fails_is_never_ready(make, notify):
    proxy = make(start=False, listeners={"public": {"socket": "systemd:none"}})
    with pytest.raises(RuntimeError):
        proxy.start()
    assert not [message for message in notify.drain() if "READY" in message]


def test_a_reload_is_said_with_its_time(make, notify):
    proxy = make()
    notify.until("READY")
    before = time.monotonic()
    proxy.process.send_signal(signal.SIGHUP)
    reloading = notify.until("RELOADING")
    assert before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    assert notify.until("READY")["READY"] == "1"
    assert once(proxy.address, request(target="/health")).status == 200


def fed(notify: NotifySocket, seconds: float) -> int:
    """How often the watchdog was fed in that time."""
    end = time.monotonic() + seconds
    count = 0
    while (left := end - time.monotonic()) > 0:
        count += "WATCHDOG" in (notify.hear(left) or {})
    return count


def test_idle_threads_feed_the_watchdog(make, notify):
    make(watchdog=1)
    notify.until("READY")
    assert fed(notify, 3) >= 3


@pytest.mark.parametrize("thread", ["worker-1", "audit-writer"])
def test_a_thread_that_hangs_starves_the_watchdog(make, notify, thread):
    proxy = make(watchdog=1, metrics={"address": "127.0.0.1:0"})
    notify.until("WATCHDOG")
    name = {"worker-1": "worker 1", "audit-writer": "the audit writer"}[thread]
    with StoppedThread(proxy.pid, thread):
        notify.drain()
        fed(notify, 0.5)
        assert fed(notify, 2) == 0
        until(lambda: any(f"{name} can't be reached" in line for line in proxy.lines), "it is told")
    notify.until("WATCHDOG")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"),
                    reason="needs root and strace")
def test_a_stalled_disk_in_strict_mode_starves_the_watchdog(make, notify, tmp_path):
    """The writer waits in fdatasync, as for a disk that does not answer."""
    proxy = make(watchdog=1, audit={"mode": "strict"})
    notify.until("WATCHDOG")
    writer = StoppedThread.find(proxy.pid, "audit-writer")
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=fdatasync,fsync",
         "-e", "inject=fdatasync,fsync:delay_enter=20000000", "-p", str(writer)])
    try:
        until(lambda: Path(f"/proc/{writer}/status").read_text().find("TracerPid:\t0") < 0,
              "strace is there")
        with socket.create_connection(proxy.address) as client:
            client.sendall(request(target="/health"))
            fed(notify, 1.5)
            assert fed(notify, 2) == 0
    finally:
        strace.send_signal(signal.SIGKILL)
        strace.wait()
    notify.until("WATCHDOG", wait=30)


def test_messages_go_to_the_journal_with_their_fields(make_proxy):
    """systemd's own protocol, at the one place where it is spoken."""
    place = Path("/run/systemd/journal/socket")
    if os.geteuid() != 0 or place.exists():
        pytest.skip("needs root, and a machine without journald")
    place.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(place))
        journal.settimeout(30)
        try:
            proxy = make_proxy(start=False)
            read, write = os.pipe()
            status = os.fstat(write)
            # stderr is what systemd connected: its device and inode are in JOURNAL_STREAM.
            process = subprocess.Popen(
                [*proxy.watcher, BINARY, "serve", "--config", proxy.file],
                stderr=write,
                env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
            try:
                message = {}
                while b"listening on" not in message.get(b"MESSAGE", b""):
                    message = dict(
                        line.split(b"=", 1) for line in journal.recv(65536).splitlines())
            finally:
                process.terminate()
                assert process.wait(20) == 0
            assert message[b"PRIORITY"] == b"5" and message[b"SYSLOG_IDENTIFIER"] == b"sallyport"
            assert message[b"CODE_FILE"].endswith(b".swift")
            os.close(write)
            assert os.read(read, 65536) == b""
            os.close(read)
        finally:
            place.unlink()
