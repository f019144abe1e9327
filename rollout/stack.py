"""A stack by its name alone: where its engine is and how its containers are called, without Pulumi.

An operator needs no configuration at three in the morning: the names follow from the stack's, and all else is on the
host.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import docker

from engine.client import connect, find
from engine.edge import Edge
from engine.errors import Usage
from rollout.colours import Colours, find_colours

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    client: docker.DockerClient
    edge: Edge

    @property
    def service(self) -> str:
        return f"{self.name}-api"

    def colours(self) -> Colours:
        return find_colours(self.client, self.service)


def open_stack(name: str) -> Stack:
    """Raises Usage when there is nothing of the stack on its engine, NeedsPerson when its edge does not run."""
    client = connect(os.environ.get("DOCKER_HOST") or _docker_host(name))
    edge = f"{name}-nginx"
    if find(client, edge) is None and not any(find_colours(client, f"{name}-api").values()):
        raise Usage(
            f'There is nothing of a stack "{name}" on the engine: neither {edge} nor a colour of its API. '
            "Name the stack with STACK or --stack, and its engine with DOCKER_HOST."
        )
    return Stack(name=name, client=client, edge=Edge(client, edge))


def _docker_host(name: str) -> str:
    """`dockerHost` of Pulumi.<stack>.yaml; empty if there is none. Nothing else of that file matters here."""
    path = _ROOT / f"Pulumi.{name}.yaml"
    if not path.exists() or ":dockerHost" not in (text := path.read_text()):
        return ""
    import yaml  # only here: the fast lane has no time for what it does not need

    config = (yaml.safe_load(text) or {}).get("config") or {}
    return next((str(value) for key, value in config.items() if str(key).endswith(":dockerHost")), "")
