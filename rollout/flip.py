"""The flip: one rename on the host, then proof from outside that new requests go where they should.

The proof is taken on new connections and on one that was open before; the answers say which pool served them. One
command in the edge's container does all of it: each further one would cost as much as the flip.
"""

import shlex
import time
from collections.abc import Callable
from dataclasses import replace

from engine.client import Result, say
from engine.errors import NeedsPerson
from rollout.claim import Claim
from rollout.journal import Journal, now
from rollout.state import State
from workloads.colour import Colour

_FRESH = 3  # new connections that must all be served by the new colour
_PATIENCE = 2  # seconds
_SILENT, _STRAYED = 77, 78
# $1 writes the state; $2 asks over one connection, whose answers turn to $5; $3 asks over new ones, whose answers are
# to be $4. The tools of Debian and of busybox alike.
_FLIP = f"""
eval "$2" 2>/dev/null | {{
read -r held || exit {_SILENT}
sh -c "$1" </dev/null || exit
read -r now _ </proc/uptime
end=$((${{now%.*}} + 1 + {_PATIENCE}))
until [ "$(eval "$3" 2>/dev/null)" = "$4" ]; do
read -r now _ </proc/uptime
[ "${{now%.*}}" -lt "$end" ] || exit {_STRAYED}
done
while [ "$held" != "$5" ]; do read -r held || exit {_STRAYED}; done
}}
"""


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
    edge, followed = claim.edge, True
    holding, renewing = shlex.join(edge.holding("/live")), shlex.join(edge.renewing("/live", _FRESH))
    proof = [holding, renewing, "\n".join([to] * _FRESH), to]

    def run(write: str, env: dict[str, str]) -> Result:
        nonlocal followed
        done = edge.run(["sh", "-c", _FLIP, "sh", write, *proof], user=edge.root, env=env)
        if done.code == _SILENT:
            raise NeedsPerson(_NO_ANSWER.format(edge=edge.name))
        followed = done.code != _STRAYED
        return done if followed else replace(done, code=0)

    begin = time.monotonic()
    after = claim.change(transition, seen=seen, instead=instead, run=run)
    ms = round((time.monotonic() - begin) * 1000)
    journal = after.known
    if not followed:
        raise NeedsPerson(_undo(claim, journal))
    say(f"flipped {journal.previous or 'nothing'} -> {to} in {ms} ms")
    generation = journal.generation
    return claim.change(lambda found: found.timed(ms) if found.generation == generation else found, seen=after).known


def _undo(claim: Claim, after: Journal) -> str:
    def back(journal: Journal) -> Journal:
        if journal.generation != after.generation or after.previous is None:
            return journal
        release = after.releases.get(after.previous, "")
        return journal.flipped(after.previous, release, "nginx did not follow the marker", now())

    left = claim.change(back)
    return (
        f"nginx did not follow the marker to {after.live}, which says {left.marker} again. "
        f"Look at the log of {claim.edge.name}, then run the same command again."
    )


_NO_ANSWER = (
    "{edge} does not answer the rollout, so nothing was flipped and the live colour is as it was. Look at its log "
    "(`docker logs {edge}`), then run the same command again."
)
