"""One thread of a process, held up; the audit writer's as by a disk that does not answer."""

import ctypes
import os
from pathlib import Path

import pytest

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000


class StoppedThread:
    """Stops the thread of that name alone, as what it hangs in would."""

    def __init__(self, pid: int, name: str):
        self.thread = self.find(pid, name)
        self.libc = ctypes.CDLL(None, use_errno=True)

    @staticmethod
    def find(pid: int, name: str) -> int:
        """The kernel's number of the thread."""
        return next(
            int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
            if (task / "comm").read_text().strip() == name)

    def __enter__(self):
        if self.libc.ptrace(PTRACE_SEIZE, self.thread, None, None) != 0:
            pytest.skip("no thread can be stopped here")
        assert self.libc.ptrace(PTRACE_INTERRUPT, self.thread, None, None) == 0
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        assert self.libc.ptrace(PTRACE_DETACH, self.thread, None, None) == 0


class StoppedWriter(StoppedThread):
    """Stops the audit writer's thread alone, as a disk that does not answer would."""

    def __init__(self, pid: int):
        super().__init__(pid, "audit-writer")
