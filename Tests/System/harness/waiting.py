"""Waiting for what has to come to be."""

from __future__ import annotations

import time

from .wire import WAIT


def until(test, what: str, timeout: float = WAIT):
    """What `test` answers, once it is true."""
    end = time.monotonic() + timeout
    while not (found := test()):
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.02)
    return found
