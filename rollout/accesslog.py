"""What the edge's access log says of a colour: how many requests it got, and how many it failed.

What counts is the colour's own part, which nginx logs as the upstream's, and not the status that the client got.
Otherwise a client could undo a release by requests that the edge refuses, or whose answers the edge cannot read.
"""

import json
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest

from workloads.colour import Colour

ENOUGH = 3
"""Requests; fewer prove nothing."""

_RECENT = 5  # seconds


@dataclass(frozen=True, kw_only=True)
class Score:
    total: int = 0
    failed: int = 0

    def undoes(self, limit: float) -> bool:
        """Whether so many requests failed that it takes a release back; `limit` is the ratio that may fail."""
        return self.failed >= ENOUGH and self.ratio > limit

    @property
    def ratio(self) -> float:
        return self.failed / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.failed:,} of {self.total:,} failed"

    def __add__(self, other: "Score") -> "Score":
        return Score(total=self.total + other.total, failed=self.failed + other.failed)


@dataclass(frozen=True)
class _Attempt:
    """What nginx logged of one server that it tried (https://nginx.org/r/$upstream_status and the ones beside it).

    `status` is nginx's own (502, 504) if no answer came, and "-" if nginx gave the attempt up because the client left.
    `header_time` is "-" if no whole head of an answer came. `received` counts bytes.
    """

    address: str
    status: str
    header_time: str
    received: str

    @property
    def failed(self) -> bool:
        """A 5xx of the server, or no answer: it could not be connected to, closed early, or took too long."""
        return self.status.startswith("5") and not self.unreadable

    @property
    def unreadable(self) -> bool:
        """An answer came, but nginx could not take its head: too long, or malformed. A client may be the cause, where
        an answer repeats what the request said, as a redirect does."""
        return self.status == "502" and self.header_time == "-" and self.received not in ("0", "-", "")


def failed(line: str, colour: Colour, addresses: Iterable[str]) -> bool | None:
    """Whether the request of an access log line failed on `colour`; None for a line that proves nothing about it.

    It failed if the colour's last answer was a 5xx of its own, if none came, or if the standby had to answer instead.
    """
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    if entry.get("kind") != "access":
        return None
    attempts = _attempts(entry)
    tried = attempts[-1] if entry["colour"] == colour else attempts[0]
    if tried.address not in addresses or tried.unreadable:
        return None
    return tried.failed


def _attempts(entry: dict[str, str]) -> list[_Attempt]:
    """At least one; of a request that went to no server it has no address."""
    names = ("upstream_addr", "upstream_status", "upstream_header_time", "upstream_bytes")
    addresses, *rest = (re.split(r", | : ", entry.get(name, "")) for name in names)
    return [
        _Attempt(address.rsplit(":", 1)[0], *more) for address, *more in zip_longest(addresses, *rest, fillvalue="-")
    ]


@dataclass(kw_only=True)
class Tally:
    """Counts by second, so that a colour that fails late is not excused by its good start."""

    all: Score = Score()
    seconds: deque[Score] = field(default_factory=lambda: deque([Score()], maxlen=_RECENT))

    def add(self, has_failed: bool) -> None:
        one = Score(total=1, failed=int(has_failed))
        self.all += one
        self.seconds[-1] += one

    def next_second(self) -> None:
        self.seconds.append(Score())

    @property
    def recent(self) -> Score:
        return sum(tuple(self.seconds), Score())  # a copy: the next second may begin meanwhile, in another thread


def undoing(tally: Tally, own: Score, limit: float) -> Score | None:
    """The score that takes a release back, if one does: of all requests, of the last seconds, or of `own`, which are
    those that the watch sent itself. A good start excuses nothing."""
    return next((score for score in (tally.all + own, tally.recent, own) if score.undoes(limit)), None)
