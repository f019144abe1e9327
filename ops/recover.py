"""`recover`: take over what a deployment left that was killed: its lock, and objects that it made but did not record.
Also catch up with the host after an older state was put back.

Pulumi records an operation before it begins. What stands in the state as begun and never ended may exist on the host
under its fixed name, where it would be in the way of the same operation.
"""

import json
from typing import Any

import docker
from docker.errors import NotFound

from engine import address
from engine.address import Address, of_user
from engine.client import connect, find, say
from engine.errors import NeedsPerson, Refused
from ops import pulumi
from ops.drift import older
from ops.lock import wait_for_other
from rollout.stack import engine_of

_CONTAINER, _NETWORK = "docker:index/container:Container", "docker:index/network:Network"
_LOST = (
    "{names} serves requests, and the state does not have it: {what}, and a refresh has dropped what it did not find. "
    "Nothing was changed. Put back a state that has it, then run `{mend}`: `pulumi stack import --stack {stack} --file "
    "<copy>`, with the copy that was put back before, or with one that the backend has kept (docs/operations.md, "
    "Backup and restore). Do not remove the container."
)


def recover(stack: str) -> None:
    """Wait for a deployment that runs, clear up after one that was killed, and bring an older state up to the host."""
    wait_for_other(stack)
    if not pulumi.exists(stack):
        print(f"There is no stack {stack}; nothing was changed.")
    elif not finish_interrupted(stack):
        print(f"No operation of {stack} was interrupted, and its state knows its containers; nothing was changed.")


def finish_interrupted(stack: str, *, removes: bool = False) -> int:
    """Remove what was begun and never recorded, and the records of it, so that the next update makes it anew. Then note
    in the state the containers that updates have made since it was taken. How many of both that were.

    Volumes stay: the provider adopts them by name, and they may hold data. Raises Refused when something was begun on
    another engine than the stack's, PulumiFailed when another deployment holds the state: it may be making just that.
    Refused too where the live colour is not in the state at all, unless the stack is to be removed: an update would
    remove the other colour, and then fail, for the name is in use.
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
    known = older.containers(resources)
    if not known:
        return 0
    try:
        # What the state names: the files may name another address, or there may be none.
        client = connect(address.of_stack(_engine_of(next(iter(known.values())), resources)))
    except NeedsPerson:
        return 0  # what needs the engine says so
    listed = _listed(client)
    if not removes and (lost := older.lost(client, stack, known, listed)):
        raise Refused(_LOST.format(names=", ".join(lost), what=older.WHAT, mend=older.mend(stack), stack=stack))
    names = older.unknown(resources, listed)
    if not names:
        return 0
    state = _export(stack, "--show-secrets")  # behind the list: a deployment that ended since is in it
    caught = [*older.catch_up(client, state["deployment"].get("resources") or [], names)]
    if caught:
        _take(stack, state)
        say(f"The state of {stack} was older than the host. Now it has what the host has of {', '.join(caught)}.")
    return len(caught)


def _listed(client: docker.DockerClient) -> dict[str, str]:
    """The ids of all containers of the engine by name, in one call."""
    found: list[dict[str, Any]] = client.api.containers(all=True)
    return {name.removeprefix("/"): container["Id"] for container in found for name in container["Names"] or []}


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
    """The engine on which a resource was begun: its provider's `host`, or the user's own where that names none."""
    provider = resource.get("provider", "").rpartition("::")[0]  # <urn>::<id>
    inputs = next((found.get("inputs") or {} for found in resources if found["urn"] == provider), {})
    return str(inputs.get("host") or of_user())


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
            if container and container.id not in known:
                container.remove(force=True, v=True)
        else:
            for network in client.networks.list(names=[f"^{name}$"]):
                if network.id not in known:
                    network.remove()
    except NotFound:
        return
    except OSError as error:  # also the engine's client: its errors are those of requests
        say(f"{name}, half made, could not be removed: {error}. Remove it by hand if it is in the way.")
