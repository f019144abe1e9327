"""The smoke request: one real request to a replica, through the edge's admin socket, and the verdict on its answer."""

import time
from dataclasses import dataclass

from rollout.arguments import Smoke
from rollout.claim import Claim
from rollout.colours import Replica

_SHOWN = 400  # characters of a wrong answer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`code` is the status, 0 for no whole answer after `seconds`. `right`: a 2xx that holds what is expected."""

    code: int
    text: str
    seconds: float
    right: bool

    def __str__(self) -> str:
        return f"{self.code}: {self.text.strip()[:_SHOWN]}" if self.code else f"no answer within {self.seconds:.0f} s"


def send(claim: Claim, replica: Replica, smoke: Smoke, *, timeout: float) -> Answer:
    """Send the smoke request and wait for the answer, for `timeout` seconds at most. It is cut off once another claim
    stands: a new deployment that drains this colour would wait for the answer."""
    begin = time.monotonic()
    code, text = claim.edge.send(
        smoke.method, replica.at(smoke.path), smoke.body, timeout=timeout, only_while=claim.condition
    )
    right = 200 <= code < 300 and smoke.expect in text
    return Answer(code=code, text=text, seconds=time.monotonic() - begin, right=right)
