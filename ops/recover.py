"""`recover`: take over what a deployment left that was killed: its lock, and objects that it made but did not record.
Also catch up with the host after an older state was put back.

Pulumi records an operation before it begins. What stands in the state as begun and never ended may exist on the host
under its fixed name, where it would be in the way of the same operation.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import docker
from docker.errors import NotFound

from engine import address
from engine.address import Address, of_user
from engine.client import connect, find, say
from engine.errors import NeedsPerson, Refused, Usage
from ops import pulumi
from ops.drift import older, own
from ops.lock import wait_for_other
from rollout.stack import engine_of

_CONTAINER, _NETWORK = "docker:index/container:Container", "docker:index/network:Network"
_LOST = (
    "The host has {names}, which may serve requests, and the state of {stack} does not have it: the state is older, or "
    "a refresh has dropped what it did not find. Nothing was changed. Put back a state that has it, or of the API a "
    "container of either colour, then run `{mend}`: `pulumi stack import --stack {stack} --file <copy>`, with the copy "
    "that was put back before, or with one made from what the backend has kept (docs/operations.md, Backup and "
    "restore). Do not remove the container. Only if there is no such state, remove each of these by hand, and run the "
    "same command again: requests fail until the next update has made them anew."
)
_MOVED = (
    "The host has made anew the networks {names}, and the containers on them: network.cidr was changed after the copy "
    "of the state of {stack} was taken. With this state an update would remove these containers, and then fail for the "
    "names of the networks. Nothing was changed. Put back a later copy (docs/operations.md, Backup and restore)."
)
_STAYS = (
    "The host has {names}, and the state of {stack} does not: `pulumi destroy` leaves it, and fails for the networks "
    "that it is on. Remove it on the stack's host, then run the same command again:\n{commands}"
)
_UNRECORDED = (
    "The host has {names}, made after the copy of the state that was put back, and an update would fail for the name. "
    "It serves no requests, and its volumes stay. Remove it on the stack's host, then run the same command again; the "
    "next update makes it anew:\n{commands}"
)


def recover(stack: str) -> None:
    """Wait for a deployment that runs, clear up after one that was killed, and bring an older state up to the host."""
    wait_for_other(stack)
    if not pulumi.exists(stack):
        print(f"There is no stack {stack}; nothing was changed.")
    elif not finish_interrupted(stack):
        print(
            f"No operation of {stack} was interrupted, and nothing was to be noted in its state; nothing was changed."
        )


def finish_interrupted(stack: str, *, removes: bool = False) -> int:
    """Remove what was begun and never recorded, and the records of it, so that the next update makes it anew. Then note
    in the state the containers that updates have made since it was taken. How many of both that were.

    Volumes stay: the provider adopts them by name, and they may hold data. Raises Refused when something was begun on
    another engine than the stack's, PulumiFailed when another deployment holds the state: it may be making just that,
    NeedsPerson when the engine does not answer. Refused too where a container that serves is not in the state and
    cannot be noted: an update would fail, for the name is in use; and where the networks are others than the state's,
    for an update would remove what is on them. NeedsPerson where another container is not in the state. None of these
    if the stack is to be removed: then what would stay is said.
    """
    state = _export(stack)
    ended = _end_pending(stack, state)
    return ended + _catch_up(stack, (_export(stack) if ended else state)["deployment"].get("resources") or [], removes)


def _end_pending(stack: str, state: dict[str, Any]) -> int:
    deployment = state["deployment"]
    pending = deployment.get("pending_operations") or []
    if not pending:
        return 0
    begun = [operation["resource"] for operation in pending if operation["type"] == "creating"]
    half_made = [resource for resource in begun if resource["type"] in (_CONTAINER, _NETWORK)]
    client = _client(stack, half_made, deployment.get("resources") or []) if half_made else None
    deployment["pending_operations"] = []
    _take(stack, state)  # first of all: what is begun may be in the making
    if client:
        _clear_up(client, stack, half_made)
    say(f"{len(pending)} operations of {stack} were interrupted; their half-made parts are removed.")
    return len(pending)


def _catch_up(stack: str, resources: list[dict[str, Any]], removes: bool) -> int:
    if not (host := _host_of(stack, resources, removes)):
        return 0
    client, listed, networks = host
    known = older.containers(resources)
    new = [name for name in sorted(listed.keys() - known.keys()) if own.is_unrecorded(client, name, stack)]
    carriers = [name for name in new if own.kind(name, stack) == "carrier"]
    noted = [name for name in new if older.sibling(known, name, stack)]
    left = [name for name in new if name not in (*carriers, *noted)]
    commands = _removal(stack, resources, left, networks)
    changed = older.unknown(known, listed)
    moved = older.unknown(older.networks(resources), networks)
    if removes:
        if left:
            say(_STAYS.format(names=", ".join(left), stack=stack, commands=commands))
    elif changed and moved:
        raise Refused(_MOVED.format(names=", ".join(moved), stack=stack))
    elif serving := ", ".join(name for name in left if own.serves(name, stack)):
        raise Refused(_LOST.format(names=serving, mend=older.mend(stack), stack=stack))
    caught = _caught_up(client, stack, changed, noted, carriers) if changed or noted or carriers else []
    if caught:
        say(f"The state of {stack} was older than the host, and is brought up to it: {', '.join(caught)}.")
    if left and not removes:
        raise NeedsPerson(_UNRECORDED.format(names=", ".join(left), commands=commands))
    return len(caught)


def _caught_up(
    client: docker.DockerClient, stack: str, changed: list[str], new: list[str], carriers: list[str]
) -> list[str]:
    state = _export(stack, "--show-secrets")  # behind the list: a deployment that ended since is in it
    resources = state["deployment"].get("resources") or []
    carriers = [name for name in carriers if name not in older.containers(resources)]
    caught = [*older.catch_up(client, resources, changed, new, stack), *carriers]
    if any(name.startswith(f"{stack}-edge-") for name in caught):
        older.configure_again(resources)
    if caught:
        _take(stack, state)
    if carriers:  # they never run, and the next update makes them anew
        _clear_up(client, stack, [{"type": _CONTAINER, "inputs": {"name": name}} for name in carriers])
    return caught


def _host_of(
    stack: str, resources: list[dict[str, Any]], removes: bool
) -> tuple[docker.DockerClient, dict[str, str], dict[str, str]] | None:
    """The engine that the stack is on now, and its containers and networks: the ids by name. None if that is nothing of
    what the state knows, or if the state knows nothing."""
    known = [*older.containers(resources).values(), *older.networks(resources).values()]
    if not known:
        return None
    where = before = address.of_stack(_engine_of(known[0], resources))
    if not removes:  # which Pulumi does where the state says
        with suppress(Usage):  # there may be no files
            where = engine_of(stack)
    try:
        client = connect(where)
    except NeedsPerson:
        if removes:
            return None  # what removes them says so
        raise
    found: list[dict[str, Any]] = client.api.containers(all=True)  # in one call
    listed = {name.removeprefix("/"): container["Id"] for container in found for name in container["Names"] or []}
    networks = {str(network.name): str(network.id) for network in client.networks.list()}
    same = {resource["id"] for resource in known} & {*listed.values(), *networks.values()}
    named = {resource["inputs"]["name"] for resource in known} & {*listed, *networks}
    # Another engine may have another stack of this name. A state without `dockerHost` does not say which one it is of.
    if same or (named and where == before and _host(known[0], resources)):
        return client, listed, networks
    say(f"The engine at {where} has no container that the state of {stack} knows.")
    return None


def _removal(stack: str, resources: list[dict[str, Any]], names: list[str], networks: Iterable[str]) -> str:
    """The commands that remove these containers, and the networks that came with them."""
    came = sorted(own.networks(stack) & {*networks} - older.networks(resources).keys())
    return "\n".join([f"  docker rm --force {' '.join(names)}", *(f"  docker network rm {name}" for name in came)])


def _take(stack: str, state: dict[str, Any]) -> None:
    """Write the state, for which Pulumi takes its lock in whatever backend that is."""
    try:
        pulumi.read("stack", "import", "--stack", stack, "--force", stdin=json.dumps(state))
    except pulumi.PulumiFailed as error:
        raise pulumi.PulumiFailed(
            f"The state of {stack} is not that of the host, but it cannot be written: another deployment may be at "
            f"work. Nothing was changed. Wait for its end, then run the same command again.\n{error}"
        ) from None


def _export(stack: str, *options: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(pulumi.read("stack", "export", "--stack", stack, *options))
    return state


def _client(stack: str, half_made: list[dict[str, Any]], resources: list[dict[str, Any]]) -> docker.DockerClient:
    """The stack's engine, on which all of this was begun."""
    where = engine_of(stack)
    for resource in half_made:
        _must_be_on(where, _engine_of(resource, resources), stack)
    return connect(where)


def _clear_up(client: docker.DockerClient, stack: str, half_made: list[dict[str, Any]]) -> None:
    """Remove these objects, unless another deployment has begun since the state was free."""
    deployment = _export(stack)["deployment"]
    if deployment.get("pending_operations"):
        names = ", ".join(str(resource.get("inputs", {}).get("name")) for resource in half_made)
        raise Refused(
            f"Another deployment of {stack} has begun; nothing was removed. An interrupted one may have left {names}: "
            "if the other deployment fails for such a name, remove what has that name by hand, and run the same "
            "command again."
        )
    known = {resource.get("id") for resource in deployment.get("resources") or []}
    for resource in half_made:
        _remove(client, resource, known)


def _engine_of(resource: dict[str, Any], resources: list[dict[str, Any]]) -> str:
    """The engine on which a resource was begun; the user's own where its provider names none."""
    return _host(resource, resources) or of_user()


def _host(resource: dict[str, Any], resources: list[dict[str, Any]]) -> str:
    """The `host` of a resource's provider; empty for none."""
    provider = resource.get("provider", "").rpartition("::")[0]  # <urn>::<id>
    inputs = next((found.get("inputs") or {} for found in resources if found["urn"] == provider), {})
    return inputs.get("host") or ""


def _must_be_on(where: Address, begun: str, stack: str) -> None:
    """What has the same name on another engine may be anybody's."""
    if begun != where:
        raise Refused(
            f"An update of {stack} was interrupted on the engine at {begun}, but the stack is on {where} now. "
            f"Neither was asked, and nothing was changed. Put dockerHost in Pulumi.{stack}.yaml (or DOCKER_HOST) back, "
            f"run `python -m ops recover --stack {stack}`, and then change it again."
        )


def _remove(client: docker.DockerClient, resource: dict[str, Any], known: set[str | None]) -> None:
    """Remove the object of that name on the host, unless the state knows it."""
    name = resource.get("inputs", {}).get("name")
    if not name:
        return
    try:
        if resource["type"] == _CONTAINER:
            container = find(client, name)
            if container and container.id not in known and not older.was_recorded(container):
                container.remove(force=True, v=True)
        else:
            for network in client.networks.list(names=[f"^{name}$"]):
                if network.id not in known:
                    network.remove()
    except NotFound:
        return
    except OSError as error:  # also the engine's client: its errors are those of requests
        say(f"{name}, half made, could not be removed: {error}. Remove it by hand if it is in the way.")
