"""Limits how long a call waits: until the engine cancels it, or the resource's custom timeout has passed."""

import threading
import time


class Interrupted(Exception):
    """The engine cancelled, or the custom timeout of the resource has passed."""


class Cancellation:
    """Set once, by the engine's Cancel or by a signal. All running and later calls then end soon."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """End all waiting."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the engine has cancelled."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep; true at once when cancelled."""
        return self._event.wait(seconds)


class Patience:
    """The waiting of one call. `timeout` is in seconds; 0 or None is without limit."""

    def __init__(self, cancellation: Cancellation, timeout: float | None = None) -> None:
        self._cancellation = cancellation
        self._timeout = timeout or 0.0
        self._end = time.monotonic() + timeout if timeout else None

    def check(self) -> None:
        """Raise Interrupted if the call is cancelled or out of time."""
        if self._cancellation.cancelled:
            raise Interrupted("cancelled")
        if self._end is not None and time.monotonic() >= self._end:
            raise Interrupted(f"timed out after {self._timeout:g} s (customTimeouts of this resource)")

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted as soon as the call is cancelled or out of time."""
        if self._end is not None:
            seconds = min(seconds, max(0.0, self._end - time.monotonic()))
        self._cancellation.wait(seconds)
        self.check()
