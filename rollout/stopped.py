"""Containers that somebody has stopped by hand. An update starts them before it plans; a preview names them.

The engine starts whatever ends by itself. So a container of the stack's that is stopped or paused was so by hand, and
the update wants it to run. One that is `created` is left to the provider: an update could not start it, or was cut off
while it made it. A one-shot is none of these containers.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import quick
from engine.address import Address
from engine.client import STOPPED, connect, find, last_words, say
from engine.edge import Edge
from engine.errors import NeedsPerson, of_engine
from engine.quick import own_name
from rollout import state
from rollout.arguments import Look
from rollout.colours import find_colours
from rollout.gate import is_ready
from rollout.plan import Observed
from workloads.colour import COLOURS

if TYPE_CHECKING:
    import docker

_EVERY = 0.5  # seconds
_RUNS = ("running", "restarting")  # the engine itself starts the latter


def find_stopped(client: quick.Engine, look: Look) -> tuple[dict[str, str], frozenset[str]]:
    """The containers of `look.meant` and of both colours: those that somebody has stopped, each with its state, in the
    order in which they can start; and the names of those that run.

    The engine is asked once. A container that is on none of the stack's networks is somebody else's.
    """
    service = look.place.service
    meant = [found.container for found in look.meant]
    wanted = "|".join([*map(re.escape, meant), rf"{re.escape(service)}-(?:{'|'.join(COLOURS)})(?:-[0-9]+)?"])
    found = {}
    for summary in client.summaries({"name": [f"^/?(?:{wanted})$"]}):
        name = own_name(summary)
        networks = summary["NetworkSettings"]["Networks"] or {}
        if re.fullmatch(wanted, name) and any(joined.startswith(service.removesuffix("api")) for joined in networks):
            found[name] = summary["State"]
    ordered = [name for name in meant if name in found] + sorted(found.keys() - {*meant})
    stopped = {name: found[name] for name in ordered if found[name] in STOPPED}
    return stopped, frozenset(name for name, state in found.items() if state in _RUNS)


def would_start(found: Mapping[str, str]) -> str:
    """What a preview says of them; empty where there are none."""
    return "\n".join(f"{name} is {state}. The update starts it." for name, state in found.items())


def as_started(seen: Observed, found: Mapping[str, str], edge: str) -> Observed:
    """What an update will see when it has started them."""
    up = {colour for colour, replicas in seen.colours.items() if any(replica.name in found for replica in replicas)}
    runs = edge in found and seen.journal is not None
    return replace(seen, edge="running" if runs else seen.edge, answering=seen.answering | up)


def start(address: Address, look: Look, found: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    """Start them, and wait until those that serve are ready. Gives what is to be said of it, and the names of those
    that were started.

    What does not come up is said too, and the update goes on: it may bring just what was missing.
    """
    if not found:
        return "", frozenset()
    client = connect(address)
    failed = {name: why for name, state in found.items() if (why := _refusal(client, name, state))}
    started = [name for name in found if name not in failed]
    said = [failed.get(name) or f"{name} was {state}. This update has started it." for name, state in found.items()]
    said += [_unready(client, look, name) for name in started]
    return "\n".join(filter(None, [*said, _live_answers(client, look, found)])), frozenset(started)


def _refusal(client: "docker.DockerClient", name: str, state: str) -> str:
    """Start a container; why the engine refuses to, empty where it does not."""
    from docker.errors import APIError

    try:
        container = client.containers.get(name)
        container.unpause() if state == "paused" else container.start()
    except APIError as error:
        return (
            f"{name} is {state}, and the engine could not start it: {error.explanation or error}. Correct that, then "
            "run the same command again. `pulumi up --refresh` recreates a service that cannot be started as it is."
        )
    return ""


def _unready(client: "docker.DockerClient", look: Look, name: str) -> str:
    """Wait for a container that has a check to wait for; what is wrong with it, empty for nothing."""
    wanted = next((meant for meant in look.meant if meant.container == name and meant.test), None)
    if wanted is None:
        return ""
    from docker.errors import APIError

    from engine.ready import ready  # it takes the docker package, which a look does not need

    try:
        ready(client, wanted)
    except (NeedsPerson, APIError) as error:
        why = str(error) if isinstance(error, NeedsPerson) else f"{name}: {of_engine(error)}"
        return f"{why}\nCorrect the cause if this update does not, then run the same command again."
    return ""


def _live_answers(client: "docker.DockerClient", look: Look, found: Mapping[str, str]) -> str:
    """Wait for the replicas of the live colour that were started; what is wrong with them, empty for nothing."""
    if not found.keys() - {meant.container for meant in look.meant}:
        return ""
    end = time.monotonic() + look.patience
    waits = False
    try:
        edge = Edge(client, look.place.edge)
        live = state.read(edge).marker
        while True:
            now = [replica for replica in find_colours(client, look.place.service)[live] if replica.name in found]
            if not now or is_ready(edge, now):
                return ""
            if time.monotonic() > end or not all(replica.running for replica in now):
                break
            if not waits:
                waits = True
                say(f"{live} is live and was started; it is not ready yet, and has {look.patience:.0f} s for that")
            time.sleep(_EVERY)
    except NeedsPerson as error:
        return str(error)
    lines = [f"{live} is live and was started, but is not ready. Look at `python -m rollout status`."]
    for replica in now:
        container = find(client, replica.id)
        lines += [f"{replica.name} is {replica.state}. {last_words(container)}"] if container else []
    return "\n".join(lines)
