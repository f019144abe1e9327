"""Progress of a setup on stderr. Prints nothing as long as there is nothing to do."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# Time between two lines about a running step, in seconds.
BEAT_SECONDS = 15.0


class Progress:
    """The running steps of one setup. Safe to use from several threads."""

    def __init__(self, stream: TextIO | None = None, beat: float = BEAT_SECONDS) -> None:
        self._stream = stream or sys.stderr
        self._beat = beat
        self._started = time.monotonic()
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Progress"]:
        """Print a line about each running step from time to time, until the block ends."""
        ticker = threading.Thread(target=self._tick, daemon=True)
        ticker.start()
        try:
            yield self
        finally:
            self._ended.set()
            ticker.join()

    def step(self, name: str) -> "Step":
        """A new step. It prints nothing until it has something to do."""
        return Step(name, self)

    def say(self, name: str, text: str) -> None:
        """One line now."""
        elapsed = time.monotonic() - self._started
        with self._lock:
            print(f"[{elapsed:4.0f} s] {name}: {text}", file=self._stream, flush=True)

    def begin(self, step: "Step") -> None:
        with self._lock:
            self._steps.append(step)

    def end(self, step: "Step") -> None:
        with self._lock:
            self._steps.remove(step)

    def _tick(self) -> None:
        while not self._ended.wait(self._beat):
            with self._lock:
                steps = list(self._steps)
            for step in steps:
                step.mention()


class Step:
    """One part of the setup, such as the CLI."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress
        self._doing = ""
        self._detail = ""
        self._since = 0.0

    @contextmanager
    def doing(self, what: str) -> Iterator["Step"]:
        """Print that `what` begins, that it runs, and how long it took. Blocks may be nested."""
        outer = self._doing, self._detail, self._since
        self._doing, self._detail, self._since = what, "", time.monotonic()
        self.say(what)
        if not outer[0]:
            self._progress.begin(self)
        try:
            yield self
        finally:
            spent = time.monotonic() - self._since
            self._doing, self._detail, self._since = outer
            if not outer[0]:
                self._progress.end(self)
        if not outer[0]:
            self.say(f"done in {spent:.0f} s")

    def say(self, text: str) -> None:
        """One line now."""
        self._progress.say(self._name, text)

    def detail(self, text: str) -> None:
        """Set how far the step is. The next line shows it."""
        self._detail = text

    def mention(self) -> None:
        """Print that the step still runs, how far it is, and for how long it has run."""
        if not self._doing:
            return
        spent = f"{time.monotonic() - self._since:.0f} s"
        self.say(", ".join(filter(None, [self._doing, self._detail, spent])))
