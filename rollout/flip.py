"""The flip: one rename on the host, then proof from outside that new requests go where they should.

The proof is taken on new connections and on one that was open before; the answers say which pool served them.
"""

import time
from collections.abc import Callable, Iterable
from itertools import chain

from engine.client import say
from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout.claim import Claim
from rollout.journal import Journal, now
from rollout.state import State
from workloads.colour import Colour

_FRESH = 3  # new connections that must all be served by the new colour
_PATIENCE = 2  # seconds


def flip(
    claim: Claim,
    to: Colour,
    transition: Callable[[Journal], Journal],
    *,
    seen: State | None = None,
    instead: Journal | None = None,
) -> Journal:
    """Make `to` the colour that nginx asks, as `transition` writes it into the journal, and prove it.

    `seen` and `instead` as in `state.change`. Raises what `transition` raises, when the state is no longer the one that
    the flip was decided on, TakenOver, and NeedsPerson when nginx does not follow the marker; the marker is moved back
    then, or has not been moved at all.
    """
    edge = claim.edge
    held = edge.hold("/live", until=to)
    first = next(held, "")  # waited for: the connection is open before the flip
    if not first:
        raise NeedsPerson(
            f"{edge.container.name} does not answer the rollout, so nothing was flipped and the live colour is as it "
            f"was. Look at its log (`docker logs {edge.container.name}`), then run the same command again."
        )
    begin = time.monotonic()
    after = claim.change(transition, seen=seen, instead=instead)
    ms = round((time.monotonic() - begin) * 1000)
    journal = after.known
    if not _proved(edge, chain([first], held), to):
        raise NeedsPerson(_undo(claim, journal))
    say(f"flipped {journal.previous or 'nothing'} -> {to} in {ms} ms")
    generation = journal.generation
    return claim.change(lambda found: found.timed(ms) if found.generation == generation else found, seen=after).known


def _proved(edge: Edge, held: Iterable[str], to: Colour) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while edge.fresh("/live", times=_FRESH) != [to] * _FRESH:
        if time.monotonic() > deadline:
            return False
    return to in held


def _undo(claim: Claim, after: Journal) -> str:
    def back(journal: Journal) -> Journal:
        if journal.generation != after.generation or after.previous is None:
            return journal
        release = after.releases.get(after.previous, "")
        return journal.flipped(after.previous, release, "nginx did not follow the marker", now())

    left = claim.change(back)
    return (
        f"nginx did not follow the marker to {after.live}, which says {left.marker} again. "
        f"Look at the log of {claim.edge.container.name}, then run the same command again."
    )
