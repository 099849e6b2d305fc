"""The audit writer's thread, held up as by a disk that does not answer."""

import ctypes
import os
from pathlib import Path

import pytest

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000


class StoppedWriter:
    """Stops the audit writer's thread alone, as a disk that does not answer would."""

    def __init__(self, pid: int):
        self.thread = next(
            int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
            if (task / "comm").read_text().strip() == "audit-writer")
        self.libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self):
        if self.libc.ptrace(PTRACE_SEIZE, self.thread, None, None) != 0:
            pytest.skip("no thread can be stopped here")
        assert self.libc.ptrace(PTRACE_INTERRUPT, self.thread, None, None) == 0
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        assert self.libc.ptrace(PTRACE_DETACH, self.thread, None, None) == 0
