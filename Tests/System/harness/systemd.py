"""What systemd does for a service, without being process 1: sockets that are open before the
start, and a socket that hears how it goes."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from .wire import WAIT

# Passes the descriptors after its own count on as 3, 4, …, and keeps its pid for the program.
PASS = """
import os, sys
names, numbers, command = sys.argv[1], [int(n) for n in sys.argv[2].split(",") if n], sys.argv[3:]
copies = [os.dup2(number, 100 + place) for place, number in enumerate(numbers)]
for place, number in enumerate(copies):
    os.dup2(number, 3 + place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)), LISTEN_FDNAMES=names)
os.closerange(3 + len(numbers), 200)
os.execv(command[0], command)
"""


def passing(names: list[str], descriptors: list) -> list[str]:
    """Words before a command, which is then passed `descriptors` under `names`."""
    numbers = ",".join(str(each.fileno()) for each in descriptors)
    return [sys.executable, "-c", PASS, ":".join(names), numbers]


def listening(port: int = 0, reuse: bool = False) -> socket.socket:
    """A socket as systemd opens one: it blocks, and listens."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind(("127.0.0.1", port))
    opened.listen(512)
    return opened


class NotifySocket:
    """Hears what sd_notify says."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sp-")
        self.path = Path(self.folder.name) / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.heard: list[dict] = []

    def hear(self, wait: float = WAIT) -> dict | None:
        """The next message, by its names; None when there was none in time."""
        self.socket.settimeout(wait)
        try:
            text = self.socket.recv(65536).decode()
        except (TimeoutError, BlockingIOError):
            return None
        message = dict(line.split("=", 1) for line in text.splitlines())
        self.heard.append(message)
        return message

    def until(self, name: str, wait: float = WAIT) -> dict:
        """The next message with `name`."""
        while message := self.hear(wait):
            if name in message:
                return message
        raise AssertionError(f"no {name} in {self.heard}")

    def drain(self) -> list[dict]:
        """All that was said and not heard yet."""
        found = []
        while message := self.hear(0.001):
            found.append(message)
        return found

    def close(self) -> None:
        self.socket.close()
        self.folder.cleanup()
