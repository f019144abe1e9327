"""The gate: a colour gets traffic only after it has shown, from the proxy's own position, that it can answer.

Each replica is asked through the edge's admin socket, alone and without a standby: some readiness passes in a row, then
one real request. Between the two it shows whether it keeps connections (rollout/kept.py).
"""

import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.client import find, last_words, say
from engine.edge import Edge
from engine.errors import Undone
from rollout.arguments import Smoke
from rollout.claim import Claim
from rollout.colours import Colours, Replica, find_colours
from rollout.kept import keep
from rollout.smoke import send
from workloads.colour import Colour, other

if TYPE_CHECKING:
    import docker

_EVERY = 0.5  # seconds between two passes
_RESTARTS = 3  # a container that ends this often while it is asked will not get better
_SPEAK_EVERY = 10  # seconds
_LOOKS = 4  # at a live colour that does not answer, before it counts as down
_MEANINGS = {
    "read-only file system": "The containers have a read-only root filesystem: the API may write below /tmp.",
    "exec format error": "The image is for another kind of processor than the host has.",
}
"""What people have made of words in a log."""
NOT_ASKED = 421  # what the edge says of a replica beyond the configured number (nginx/sites/90-admin.conf.j2)


def codes(edge: Edge, replicas: Sequence[Replica]) -> list[int]:
    """The status with which each replica answers its readiness path; 0 for no answer."""
    return edge.codes([replica.at(replica.readiness) for replica in replicas])


def asking(edge: Edge, replicas: Sequence[Replica]) -> str:
    """A shell command that asks each replica for its readiness path; `read_codes` reads what it prints."""
    places = [replica.at(replica.readiness) for replica in replicas]
    return shlex.join(edge.asking(places)) if places else ":"


def passes(codes: Sequence[int]) -> bool:
    """Whether these readiness answers are all good ones. Replicas that the edge does not ask do not count."""
    asked = [code for code in codes if code != NOT_ASKED]
    return bool(asked) and all(200 <= code < 300 for code in asked)


def is_ready(edge: Edge, replicas: Sequence[Replica]) -> bool:
    """Whether all replicas run and answer their readiness path now."""
    return bool(replicas) and all(replica.running for replica in replicas) and passes(codes(edge, replicas))


def answering(edge: Edge, colours: Colours, live: Colour) -> frozenset[Colour]:
    """The colours of which at least one replica answers its readiness path with 2xx.

    A live colour may be unready for a moment. Where the other one answers and the live one does not, both are asked
    again for some seconds.
    """
    replicas = [replica for colour in colours.values() for replica in colour]
    found: frozenset[Colour] = frozenset()
    for look in range(_LOOKS):
        time.sleep(look and 1)
        codes_now = codes(edge, replicas) if replicas else []
        found = frozenset(replica.colour for replica, code in zip(replicas, codes_now, strict=True) if passes([code]))
        if live in found or other(live) not in found:
            break
    return found


def gate(
    client: "docker.DockerClient",
    claim: Claim,
    service: str,
    replicas: tuple[Replica, ...],
    *,
    needed: int,
    timeout: float,
    smoke: Smoke | None,
) -> None:
    """Wait for `needed` passes in a row of all replicas, then send the smoke request. Raises Undone if it fails, and
    TakenOver within two seconds of another claim."""
    begin = said = time.monotonic()
    row, answers = 0, "no answer yet"
    while row < needed:
        claim.look()
        now = _current(find_colours(client, service), replicas)
        _must_be_alive(client, now, replicas)
        seen = codes(claim.edge, replicas)
        answers = ", ".join(
            f"{replica.name} {code or 'no answer'}" for replica, code in zip(replicas, seen, strict=True)
        )
        sick = [replica.name for replica in now if replica.health == "unhealthy"]
        if passes(seen) and not sick:
            row += 1
            say(f"gate {row}/{needed}: {answers}")
        else:
            if row:
                say(f"gate 0/{needed}: {answers}")
            row = 0
        waited = time.monotonic() - begin
        if row < needed and waited > timeout:
            reason = f"its own health check fails ({', '.join(sick)})" if sick else f"at last {answers}"
            hint = "" if sick else likely(replicas[0], seen[0])
            _fail(client, replicas[0], f"did not pass the gate within {timeout:.0f} s: {reason}{hint}")
        if not row and time.monotonic() - said >= _SPEAK_EVERY:
            say(f"gate 0/{needed} after {waited:.0f}/{timeout:.0f} s: {answers}")
            said = time.monotonic()
        if row < needed:
            time.sleep(_EVERY)
    keep(claim, replicas)
    if smoke:
        _must_answer(client, claim, replicas[0], smoke)


def likely(replica: Replica, code: int) -> str:
    """What such an answer to the readiness path often means, as the end of a sentence; empty if nothing is likely."""
    port = replica.way.port if replica.way else "its port"
    match code:
        case 502 | 504:  # the edge itself says so: no connection, or no answer in time
            return f". Does the API listen on 0.0.0.0 at {port} (api.port)? Nobody else reaches one on 127.0.0.1"
        case 401 | 403 | 404 | 405:
            return f". The API must answer {replica.readiness} (api.readiness) with 2xx, and without a key"
    return ""


def _current(colours: Colours, replicas: tuple[Replica, ...]) -> tuple[Replica, ...]:
    return colours[replicas[0].colour]


def _must_be_alive(client: "docker.DockerClient", now: tuple[Replica, ...], before: tuple[Replica, ...]) -> None:
    for old in before:
        new = next((replica for replica in now if replica.id == old.id), None)
        if new is None:
            raise Undone(f"{old.name} was removed while it was at the gate. The live colour is as it was.")
        if new.state not in ("running", "restarting", "created") or new.restarts - old.restarts >= _RESTARTS:
            restarts = f" and was restarted {new.restarts} times" if new.restarts else ""
            _fail(client, new, f"does not stay up: it is {new.state}{restarts}")


def _must_answer(client: "docker.DockerClient", claim: Claim, replica: Replica, smoke: Smoke) -> None:
    answer = send(claim, replica, smoke, timeout=smoke.timeout)
    if answer.right:
        say(f"gate: {smoke.method} {smoke.path} answered as expected in {answer.seconds:.1f} s")
        return
    _fail(
        client,
        replica,
        f"is ready, but does not do its work: {smoke.method} {smoke.path} should be answered with 2xx and "
        f'"{smoke.expect}", but gave {answer}',
    )


def _fail(client: "docker.DockerClient", replica: Replica, what: str) -> None:
    container = find(client, replica.name)
    words = last_words(container) if container else ""
    known = [meaning for said, meaning in _MEANINGS.items() if said.lower() in words.lower()]
    raise Undone(
        " ".join(
            [
                f"{replica.name} (release {replica.release}) {what}.",
                "It gets no traffic; the live colour is as it was.",
                *known,
                words,
            ]
        )
    )
