"""The journal of releases, as plain data: what is live, what was, what was rejected, and how far a deployment has come.

It lies beside the marker file that decides which colour is live (rollout/state.py). Where the two disagree the marker
is right, and the journal is repaired from it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from rollout.arguments import Smoke, Terms
from workloads.colour import Colour, other

Phase = Literal["starting", "gating", "waiting", "watching", "done"]
"""`starting`: the containers of `target` are being made. `gating`: they are asked whether they are ready. `waiting`:
they are, and wait for a person. `watching`: `target` is live and under watch. `done`: nothing is under way."""

MISSING = "the journal is missing"
"""What is said where there is none, as before the first release."""
_KEPT = 20  # of flips and of rejected releases


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One change of the live colour; `ms` is what it took, 0 where nobody could measure it."""

    at: str
    source: Colour | None
    to: Colour
    release: str
    reason: str
    ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A release that is not to go live again before a person has allowed it."""

    release: str
    at: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Journal:
    """`generation` counts flips, `attempt` counts the times that containers of a colour were about to be made.
    `previous` is the colour that was live before, None once its containers have been made anew."""

    generation: int = 0
    attempt: int = 0
    live: Colour | None = None
    previous: Colour | None = None
    phase: Phase = "done"
    target: Colour | None = None
    releases: Mapping[Colour, str] = field(default_factory=dict)
    rejected: tuple[Rejection, ...] = ()
    flips: tuple[Flip, ...] = ()
    terms: Terms | None = None
    updated: str = ""

    def begun(self, target: Colour, release: str, at: str) -> "Journal":
        """The containers of `target` are about to be made anew."""
        return replace(
            self,
            attempt=self.attempt + 1,
            phase="starting",
            target=target,
            previous=None if self.previous == target else self.previous,
            releases={**self.releases, target: release},
            terms=None,
            updated=at,
        )

    def at_phase(self, phase: Phase, target: Colour | None, at: str, terms: Terms | None = None) -> "Journal":
        return replace(self, phase=phase, target=target, terms=terms, updated=at)

    def flipped(self, to: Colour, release: str, reason: str, at: str) -> "Journal":
        """`to` is live. Nothing is under way any more; a deployment says so itself if it goes on with a watch."""
        flip = Flip(at=at, source=self.live, to=to, release=release, reason=reason)
        return replace(
            self,
            generation=self.generation + 1,
            live=to,
            previous=self.live,
            phase="done",
            target=None,
            releases={**self.releases, to: release},
            flips=(*self.flips, flip)[-_KEPT:],
            terms=None,
            updated=at,
        )

    def timed(self, ms: int) -> "Journal":
        """The last flip took `ms` milliseconds."""
        return replace(self, flips=(*self.flips[:-1], replace(self.flips[-1], ms=ms)))

    def reject(self, release: str, reason: str, at: str) -> "Journal":
        rest = tuple(found for found in self.rejected if found.release != release)
        return replace(self, rejected=(*rest, Rejection(release=release, at=at, reason=reason))[-_KEPT:], updated=at)

    def allow(self, release: str, at: str) -> "Journal":
        return replace(self, rejected=tuple(found for found in self.rejected if found.release != release), updated=at)

    def has_been_live(self, colour: Colour, release: str, *, older: bool) -> bool:
        """Whether `colour`, which runs `release`, has been live since its containers were made. `older`: they were made
        before those of the live colour.

        Earlier versions left `previous` as it was when they made a colour anew. There the colour's last flip names
        another release, and its containers are the younger ones. A journal that was made anew knows no such flip.
        """
        if colour == self.live:
            return True
        last = next((flip for flip in reversed(self.flips) if flip.to == colour), None)
        return self.previous == colour and (older or last is None or last.release == release)

    def rejection(self, release: str) -> Rejection | None:
        return next((found for found in self.rejected if found.release == release), None)

    def repaired(self, marker: Colour, at: str) -> "Journal":
        """The journal that agrees with the marker: whatever moved it was cut off before it could write here."""
        if self.live in (None, marker):
            return self
        return self.flipped(marker, self.releases.get(marker, ""), "found by the marker", at)

    def dump(self) -> str:
        data = asdict(self)
        for flip in data["flips"]:
            flip["from"] = flip.pop("source")
        if self.terms and self.terms.smoke is None:
            del data["terms"]["smoke"]  # version 0.1 reads no journal that has it
        return json.dumps(data, indent=1)


def parse(text: str) -> Journal:
    """Raises ValueError when the text is no journal."""
    try:
        data: dict[str, Any] = json.loads(text)
        data["flips"] = tuple(_flip(flip) for flip in data["flips"])
        data["rejected"] = tuple(Rejection(**found) for found in data["rejected"])
        data["terms"] = _terms(data["terms"]) if data["terms"] else None
        return Journal(**data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a journal: {error}") from None


def rebuilt(marker: Colour, releases: Mapping[Colour, str], attempt: int, at: str) -> Journal:
    """A journal made from what can be seen: the marker, and the release that each colour's containers carry.

    The releases that were rejected are forgotten. Nothing is live where no colour has containers.
    """
    if not releases:
        return Journal(attempt=attempt, updated=at)
    made = Journal(attempt=attempt, releases=releases).flipped(
        marker, releases.get(marker, ""), "rebuilt from the marker", at
    )
    return replace(made, previous=other(marker) if other(marker) in releases else None)


def _terms(data: dict[str, Any]) -> Terms:
    """Terms that came from version 0.1, or that are of a watch, have no smoke request."""
    smoke = data.get("smoke")
    return Terms(**{**data, "smoke": Smoke(**smoke) if smoke else None})


def _flip(data: dict[str, Any]) -> Flip:
    rest = {key: value for key, value in data.items() if key != "from"}
    return Flip(source=data["from"], **rest)
