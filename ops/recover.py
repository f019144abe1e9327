"""`recover`: take over what a deployment left that was killed: its lock, and objects that it made but did not record.

Pulumi records an operation before it begins. What stands in the state as begun and never ended may exist on the host
under its fixed name, where it would be in the way of the same operation.
"""

import json
from typing import Any

import docker
from docker.errors import APIError, NotFound

from engine.address import Address, of_user
from engine.client import connect, find, say
from engine.errors import Refused
from ops import pulumi
from ops.lock import wait_for_other
from rollout.stack import engine_of

_CONTAINER, _NETWORK = "docker:index/container:Container", "docker:index/network:Network"


def recover(stack: str) -> None:
    """Wait for a deployment that runs, and clear up after one that was killed."""
    wait_for_other(stack)
    if not pulumi.exists(stack):
        print(f"There is no stack {stack}; nothing was changed.")
    elif not finish_interrupted(stack):
        print(f"No operation of {stack} was interrupted; nothing was changed.")


def finish_interrupted(stack: str) -> int:
    """Remove what was begun and never recorded, and the records of it, so that the next update makes it anew; how many
    operations that were.

    Volumes stay: the provider adopts them by name, and they may hold data. Raises Refused when something was begun on
    another engine than the stack's.
    """
    state = json.loads(pulumi.read("stack", "export", "--stack", stack))
    deployment = state["deployment"]
    pending = deployment.get("pending_operations") or []
    if not pending:
        return 0
    resources = deployment.get("resources") or []
    begun = [operation["resource"] for operation in pending if operation["type"] == "creating"]
    half_made = [resource for resource in begun if resource["type"] in (_CONTAINER, _NETWORK)]
    if half_made:
        where = engine_of(stack)
        for resource in half_made:
            _must_be_on(where, _engine_of(resource, resources), stack)
        client = connect(where)
        known = {resource.get("id") for resource in resources}
        for resource in half_made:
            _remove(client, resource, known)
    deployment["pending_operations"] = []
    pulumi.read("stack", "import", "--stack", stack, "--force", stdin=json.dumps(state))
    say(f"{len(pending)} operations of {stack} were interrupted; their half-made parts are removed.")
    return len(pending)


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
    except APIError as error:
        say(f"{name}, half made, could not be removed: {error.explanation}")
