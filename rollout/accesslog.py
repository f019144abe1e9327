"""What the edge's access log says of a colour: how many requests it got, and how many it failed."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from workloads.colour import Colour

_RECENT = 5  # seconds


@dataclass(frozen=True, kw_only=True)
class Score:
    total: int = 0
    failed: int = 0

    @property
    def ratio(self) -> float:
        return self.failed / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.failed:,} of {self.total:,} failed"

    def __add__(self, other: "Score") -> "Score":
        return Score(total=self.total + other.total, failed=self.failed + other.failed)


def failed(line: str, colour: Colour, addresses: Iterable[str]) -> bool | None:
    """Whether the request of an access log line failed on `colour`; None for any other line.

    It failed if the answer was a 5xx, or if the colour could not be connected to, so that the standby had to answer.
    """
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    if entry.get("kind") != "access":
        return None
    if entry["colour"] == colour:
        return bool(entry["status"].startswith("5"))
    first = entry["upstream_addr"].split(",")[0].rsplit(":", 1)[0]
    return True if first in addresses else None


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
        return sum(self.seconds, Score())
