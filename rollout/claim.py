"""The claim on the state of an edge: whose turn it is to release.

An update claims the state when it has made its plan (rollout/begin.py), a person's command when it changes what a
running step relies on. A step acts under the claim that stands when it begins, and stops once another one stands. A
step whose `pulumi up` was killed runs on alone: so the next update neither waits for it nor is refused because of it.
"""

import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from engine.edge import Edge
from engine.errors import CommandError, NeedsPerson
from rollout import state
from rollout.journal import Journal
from rollout.state import Run, State
from workloads import places

_EVERY = 1.5  # seconds between two looks; a loop that turns every half second then looks within two


def new_id() -> str:
    return secrets.token_hex(8)


class Claim:
    """What a step or a command acts under. `edge` is the edge whose state it changes."""

    def __init__(self, edge: Edge, held: str | None = None) -> None:
        """`held` is the claim that stands; without it the first change makes a new one, over whichever stands."""
        self.edge = edge
        self._id = new_id() if held is None else held
        self._stands = held is not None
        self._looked = time.monotonic()

    def look(self) -> None:
        """Raise `TakenOver` if another claim stands. Cheap in a loop: the host is asked only now and then."""
        if self._stands and time.monotonic() - self._looked >= _EVERY:
            self.read()

    def read(self) -> State:
        """The state now. Raises `TakenOver` if another claim stands."""
        found = state.read(self.edge)
        self._looked = time.monotonic()
        if self._stands:
            state.must_stand(self._id, found)
        return found

    def change(
        self,
        transition: Callable[[Journal], Journal],
        *,
        seen: State | None = None,
        instead: Journal | None = None,
        run: Run | None = None,
    ) -> State:
        """As `state.change`. Raises `TakenOver` and writes nothing if another claim stands."""
        under, claim = (self._id, "") if self._stands else (None, self._id)
        after = state.change(self.edge, transition, under=under, claim=claim, seen=seen, instead=instead, run=run)
        self._stands = True
        return after

    @property
    def condition(self) -> str:
        """A shell condition in the edge's container: true while this claim stands."""
        if not self._stands:
            return "true"
        return f'[ "$(cat {places.STATE}/{state.CLAIM} 2>/dev/null)" = {shlex.quote(self._id)} ]'


@contextmanager
def standing(edge: Edge) -> Iterator[Claim]:
    """The claim that stands, for a step to act under. What fails because another claim stands is a `TakenOver`: the
    new deployment may have removed what this one asked for."""
    from docker.errors import APIError  # a command of a person has no time for it

    claim = Claim(edge, held=state.read(edge).claim)
    try:
        yield claim
    except (CommandError, APIError):
        with suppress(NeedsPerson, APIError):
            claim.read()
        raise
