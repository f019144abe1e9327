"""What the last update has left on the host, as Pulumi has noted it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.arguments import VARIABLE
from ops import pulumi
from workloads.colour import COLOURS

CONTAINER, NETWORK = "docker:index/container:Container", "docker:index/network:Network"
_VOLUME, COMMAND = "docker:index/volume:Volume", "command:local:Command"
# How Pulumi marks a secret in an export (sdk/go/common/resource/sig).
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """`containers` and `networks` by name: the inputs of the provider. `ids` are those of the containers. `pids` are
    limits of processes, which a step has set. `live` is the colour that the update made live, with `release`; both are
    empty for a stack without one."""

    stack: str
    containers: Mapping[str, Mapping[str, Any]]
    ids: Mapping[str, str]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    pids: Mapping[str, int] = field(default_factory=dict)
    live: str = ""
    release: str = ""


def deployed(stack: str) -> Deployed:
    """Read the stack's state, secrets too: environments and files hold some. Raises PulumiFailed."""
    exported = json.loads(pulumi.read("stack", "export", "--show-secrets", "--stack", stack))
    resources = exported["deployment"].get("resources") or []
    # One that is to be deleted yet has a successor under the same name.
    standing = [resource for resource in resources if not resource.get("delete") and resource.get("id")]
    return of_resources(stack, standing, pulumi.outputs(stack))


def of_resources(stack: str, resources: list[dict[str, Any]], outputs: Mapping[str, Any]) -> Deployed:
    """The same from the resources of a state, and the stack's outputs."""

    def of(kind: str) -> list[dict[str, Any]]:
        return [
            {**plain(resource.get("inputs") or {}), "id": resource["id"]}
            for resource in resources
            if resource["type"] == kind
        ]

    containers = {str(found["name"]): found for found in of(CONTAINER)}
    steps = [json.loads(text) for found in of(COMMAND) if (text := (found.get("environment") or {}).get(VARIABLE))]
    return Deployed(
        stack=stack,
        containers=containers,
        ids={name: str(found["id"]) for name, found in containers.items()},
        networks={str(found["name"]): found for found in of(NETWORK)},
        volumes=tuple(str(found["name"]) for found in of(_VOLUME)),
        pids={name: step["pids"] for step in steps if "pids" in step for name in _limited(step, containers)},
        live=outputs.get("live") or "",
        release=outputs.get("release") or "",
    )


def _limited(step: Mapping[str, Any], containers: Iterable[str]) -> list[str]:
    """The containers whose limit of processes a step sets: the one that it names, or all of both colours."""
    if "container" in step:
        return [step["container"]]
    colours = tuple(f"{step['place']['service']}-{colour}" for colour in COLOURS)
    return [name for name in containers if name.startswith(colours)]


def plain(value: Any) -> Any:
    """The same data with the values of secrets in their place."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return plain(json.loads(value["plaintext"]))
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value
