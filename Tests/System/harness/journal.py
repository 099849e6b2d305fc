"""systemd's own journald, started by hand with a journal and sockets of its own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .wire import WAIT

JOURNALD = Path("/lib/systemd/systemd-journald")

# Its folders are not settable, so that it sees others in their places. Nothing outside changes.
START = """set -e
mount --make-rprivate /
mount --bind "$1/run" /run/systemd
mount --bind "$1/log" /run/log
mount --bind "$1/journald.conf" /etc/systemd/journald.conf
exec "$2"
"""


class Journal:
    """Receives at `socket`, and keeps what it received under `directory`."""

    def __init__(self, **options: str):
        assert JOURNALD.exists(), f"{JOURNALD} is missing: install the package systemd"
        # A socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="sp-"))
        (self.folder / "run/journal").mkdir(parents=True)
        (self.folder / "log").mkdir()
        settings = {"Storage": "volatile", "ReadKMsg": "no", "Audit": "no",
                    "ForwardToWall": "no", "ForwardToSyslog": "no", **options}
        (self.folder / "journald.conf").write_text(
            "[Journal]\n" + "".join(f"{key}={value}\n" for key, value in settings.items()))
        self.socket = self.folder / "run/journal/socket"
        self.directory = self.folder / "log/journal"
        self.process: subprocess.Popen | None = None

    def start(self) -> "Journal":
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", START, "sh", self.folder, JOURNALD],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + WAIT
        while not (self.socket.exists() and list(self.directory.glob("*/system.journal"))):
            assert self.process.poll() is None, \
                f"journald needs root and its own mounts: {self.process.stderr.read()}"
            assert time.monotonic() < deadline, "journald does not listen"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT)
        # Nobody answers at its place, as when the machine's own is stopped.
        self.socket.unlink(missing_ok=True)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.resume()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def export(self, *matches: str) -> str:
        """What `journalctl -o json` prints, one message a line."""
        return subprocess.run(
            ["journalctl", f"--directory={self.directory}", "--output=json", "--all", *matches],
            capture_output=True, text=True, check=False).stdout

    def entries(self, *matches: str) -> list[dict]:
        return [json.loads(line) for line in self.export(*matches).splitlines()]

    def wait_for(self, accept, *matches: str) -> list[dict]:
        """The messages, once `accept` takes them."""
        deadline = time.monotonic() + WAIT
        while True:
            found = self.entries(*matches)
            if accept(found):
                return found
            assert time.monotonic() < deadline, found[-5:]
            time.sleep(0.05)
