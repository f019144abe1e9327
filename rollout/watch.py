"""The watch: for a while after a flip the new colour has to prove itself on real requests.

Counted are the edge's own access log lines, and where nobody asks, requests of our own (rollout/own.py). Besides, the
containers must stay up and ready. A watch that ends badly goes back once, and only to a colour that is ready: where the
other one is no better, the fault is not the release's.
"""

import threading
import time
from dataclasses import dataclass

import docker

from engine.client import lines, say
from engine.edge import Edge
from engine.errors import NeedsPerson, Undone
from rollout.accesslog import ENOUGH, Tally, failed, undoing
from rollout.arguments import Terms
from rollout.claim import Claim
from rollout.colours import Replica, find_colours
from rollout.flip import flip
from rollout.gate import codes, is_ready, passes
from rollout.journal import Journal, now
from rollout.own import OwnRequests
from workloads.colour import Colour, other

_UNREADY = 3  # readiness failures in a row, one every other second
_SPEAK_EVERY = 5  # seconds


class Requests:
    """Counts a colour's requests in the background, from the moment it is made."""

    def __init__(self, client: docker.DockerClient, edge: Edge, replicas: tuple[Replica, ...]) -> None:
        self._stream = client.containers.get(edge.name).logs(stream=True, follow=True, tail=0)
        self._colour = replicas[0].colour
        self._addresses = {address for replica in replicas for address in replica.addresses}
        self.tally = Tally()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in lines(self._stream):
            if (bad := failed(line, self._colour, self._addresses)) is not None:
                self.tally.add(bad)

    def close(self) -> None:
        self._stream.close()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is under watch: the replicas of a colour that went live with `generation`."""

    service: str
    replicas: tuple[Replica, ...]
    generation: int
    terms: Terms


def watch(client: docker.DockerClient, claim: Claim, watched: Watched, requests: Requests) -> None:
    """Return when the time is up and all was well. Raises Undone when it was not and the flip was taken back,
    NeedsPerson when it could not be taken back, and TakenOver within two seconds of another claim."""
    tally = requests.tally
    own = OwnRequests(claim, watched.replicas, watched.terms, quiet=lambda: tally.recent.total < ENOUGH)
    try:
        _look_on(client, claim, watched, tally, own)
    finally:
        own.close()


def _look_on(client: docker.DockerClient, claim: Claim, watched: Watched, tally: Tally, own: OwnRequests) -> None:
    colour, seconds = watched.replicas[0].colour, watched.terms.watch
    begin = time.monotonic()
    unready = 0
    for second in range(1, seconds + 1):
        time.sleep(max(0.0, begin + second - time.monotonic()))
        unready = _unready(claim.edge, watched, unready) if second % 2 == 0 else unready
        if reason := _breach(client, watched, tally, own, unready):
            _go_back(client, claim, watched, f"{reason} (watch, {second}/{seconds} s)")
        tally.next_second()
        if second % _SPEAK_EVERY == 0 or second == seconds:
            say(f"watch {second}/{seconds} s, {tally.all} on {colour}{own}")
        if second % 2 == 0:
            _still_live(claim, watched)


def _unready(edge: Edge, watched: Watched, before: int) -> int:
    return 0 if passes(codes(edge, watched.replicas)) else before + 1


def _breach(client: docker.DockerClient, watched: Watched, tally: Tally, own: OwnRequests, unready: int) -> str:
    """What is wrong with the new colour; empty if nothing is."""
    colour = watched.replicas[0].colour
    limit = watched.terms.error_ratio
    if score := undoing(tally, own.score, limit):
        return f"{score} on {colour}, more than {limit:.0%}{own}"
    now = {replica.id: replica for replica in find_colours(client, watched.service)[colour]}
    for old in watched.replicas:
        new = now.get(old.id)
        if new is None:
            return f"{old.name} was removed"
        if new.restarts > old.restarts:
            return f"{old.name} ended and was restarted"
        if not new.running:
            return f"{old.name} is {new.state}"
        if new.health == "unhealthy":
            return f"the health check of {old.name} fails"
    if unready >= _UNREADY:
        return f"{colour} stopped being ready"
    return ""


def _go_back(client: docker.DockerClient, claim: Claim, watched: Watched, reason: str) -> None:
    bad = watched.replicas[0]
    standby = find_colours(client, watched.service)[other(bad.colour)]
    if not is_ready(claim.edge, standby):
        raise NeedsPerson(
            f"Release {bad.release} is live on {bad.colour} and does badly: {reason}. "
            f"There is no other colour that is ready, so it stays. Look at its log (`docker logs {bad.name}`) and at "
            "what it depends on; then release a better one."
        )
    good = standby[0]

    def back(journal: Journal) -> Journal:
        _must_be(journal, watched)
        at = now()
        return journal.flipped(good.colour, good.release, reason, at).reject(bad.release, reason, at)

    flip(claim, good.colour, back)
    raise Undone(
        f"Release {bad.release} was taken back: {reason}. {good.colour} is live again with release {good.release} "
        f"({good.image}).\nRelease {bad.release} is rejected until the configuration changes or "
        f"`python -m rollout allow {bad.release}` is run. {bad.colour} is kept for a look: docker logs {bad.name}"
    )


def _still_live(claim: Claim, watched: Watched) -> None:
    journal = claim.read().journal
    if journal:
        _must_be(journal, watched)


def _must_be(journal: Journal, watched: Watched) -> None:
    colour: Colour = watched.replicas[0].colour
    if journal.live != colour or journal.generation != watched.generation:
        raise Undone(
            f"While {colour} was under watch somebody else made {journal.live} the live colour: "
            f"{journal.flips[-1].reason if journal.flips else 'unknown'}. It was left so."
        )
