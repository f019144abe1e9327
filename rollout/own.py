"""Requests of our own, for a watch in which nobody else asks: the smoke request, a few times, to every replica.

They pass the edge's admin socket, so the access log does not have them. One that fails is repeated at once: a release
that began to fail is then known within seconds, however few moments of the watch are left.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from docker.errors import APIError
from urllib3.exceptions import HTTPError

from engine.client import say
from engine.errors import NotRunning
from rollout.accesslog import ENOUGH, Score
from rollout.arguments import Smoke, Terms
from rollout.claim import Claim
from rollout.colours import Replica
from rollout.gate import NOT_ASKED
from rollout.smoke import send

_SHARES = (0.25, 0.5, 0.75)  # of the watch: the moments to ask
_PAUSE = 1.0  # seconds to the repetition of a failed request
_LEAST = 0.1  # seconds before the watch's end; what is asked later cannot be answered


class OwnRequests:
    """Asks in the background, from the moment it is made to the end of the watch, if it is `quiet()` when it could ask.

    A request never outlasts the watch. One that the watch's end cuts off has not failed: a long answer is no bad one.
    """

    def __init__(self, claim: Claim, replicas: tuple[Replica, ...], terms: Terms, *, quiet: Callable[[], bool]) -> None:
        self._claim, self._replicas, self._quiet = claim, replicas, quiet
        self._begin, self._seconds = time.monotonic(), terms.watch
        self._closed = threading.Event()
        self._open = 0
        self.score = Score()
        self._has_smoke = terms.smoke is not None
        if terms.smoke:
            threading.Thread(target=self._run, args=[terms.smoke], daemon=True).start()

    def __str__(self) -> str:
        """The end of a progress line: `; 1 of 2 requests of our own answered, 1 in flight`. Empty if none is needed."""
        if not self._has_smoke:
            return "; without a smoke request only readiness is asked" if self._quiet() else ""
        asked = self.score.total + self._open
        flying = f", {self._open} in flight" if self._open and self._left() > 0 else ""
        answered = self.score.total - self.score.failed
        return f"; {answered} of {asked} requests of our own answered{flying}" if asked else ""

    def close(self) -> None:
        """Ask no further. What is in flight ends with its time or its claim."""
        self._closed.set()

    def _left(self) -> float:
        return 0.0 if self._closed.is_set() else self._begin + self._seconds - time.monotonic()

    def _run(self, smoke: Smoke) -> None:
        for share in _SHARES:
            self._closed.wait(max(0.0, self._begin + share * self._seconds - time.monotonic()))
            for _ in range(ENOUGH):
                # Where the engine or the edge is away it is not the colour that fails.
                with suppress(APIError, OSError, HTTPError, NotRunning):
                    if not self._quiet() or self._all_answer(smoke):
                        break
                self._closed.wait(_PAUSE)

    def _all_answer(self, smoke: Smoke) -> bool:
        """Ask each replica once, as far as time goes. Whether none failed."""
        before = self.score.failed
        for replica in self._replicas:
            if (left := self._left()) < _LEAST:
                break
            self._ask(replica, smoke, left)
        return self.score.failed == before

    def _ask(self, replica: Replica, smoke: Smoke, left: float) -> None:
        self._open = 1
        answer = send(self._claim, replica, smoke, timeout=min(smoke.timeout, left))
        if not answer.code and self._left() <= 0:
            return
        self._open = 0
        if answer.code == NOT_ASKED:
            return
        self.score += Score(total=1, failed=int(not answer.right))
        if not answer.right:
            say(f"watch: {smoke.method} {smoke.path} of our own failed on {replica.name}: {answer}")
