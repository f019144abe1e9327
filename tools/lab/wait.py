"""Waiting for a condition."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait until the condition holds. Raises AssertionError with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.05)
