"""A stack by its name alone: where its engine is and how its containers are called, without Pulumi.

An operator needs no configuration at three in the morning: the names follow from the stack's, and all else is on the
host.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from engine import address, quick
from engine.address import Address
from engine.client import connect_quickly, find, say
from engine.edge import Edge
from engine.errors import NeedsPerson, Usage
from rollout.colours import Colours, find_colours

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Stack:
    """`engine` is where a client of the docker package can be had; `client` is none, for haste."""

    name: str
    engine: Address
    client: quick.Engine
    edge: Edge

    @property
    def service(self) -> str:
        return f"{self.name}-api"

    def colours(self) -> Colours:
        return find_colours(self.client, self.service)

    def pages(self) -> str:
        """The URL of the operators' pages on the engine's own loopback; empty where there are none."""
        container = find(self.client, f"{self.name}-pages")
        published = container.attrs["NetworkSettings"].get("Ports") if container else None
        bound = [binding for bindings in (published or {}).values() for binding in bindings or []]
        return f"http://{bound[0]['HostIp']}:{bound[0]['HostPort']}/" if bound else ""


def open_stack(name: str) -> Stack:
    """Raises Usage when nothing says which engine the stack is on, or when there is nothing of it on that engine."""
    where = engine_of(name)
    client = connect_quickly(where)
    edge = f"{name}-nginx"
    try:
        return Stack(name=name, engine=where, client=client, edge=Edge(client, edge))
    except NeedsPerson:
        if find(client, edge) or any(find_colours(client, f"{name}-api").values()):
            raise
        raise Usage(
            f'There is nothing of a stack "{name}" on the engine at {where}: neither {edge} nor a colour of its API. '
            "Name the stack with STACK or --stack. Its engine is named by dockerHost in "
            f"Pulumi.{name}.yaml, or by DOCKER_HOST where that file names none."
        ) from None


def engine_of(name: str) -> Address:
    """The engine of a stack: `dockerHost` of its file, whatever DOCKER_HOST says, as Pulumi's provider has it.

    Raises Usage when the file cannot tell and DOCKER_HOST does not either: no engine is asked on a guess.
    """
    path = _ROOT / f"Pulumi.{name}.yaml"
    chosen = os.environ.get("DOCKER_HOST")
    if not path.exists() and not chosen:
        raise Usage(
            f'There is no {path.name} here, so nothing says which engine the stack "{name}" is on. Nothing was asked. '
            "Run the command where that file is, or name the engine: DOCKER_HOST=unix:///var/run/docker.sock."
        )
    docker_host = _docker_host(path) if path.exists() else None
    if docker_host and chosen and chosen != docker_host:
        say(f"{name} is on {docker_host} (dockerHost in {path.name}); DOCKER_HOST ({chosen}) is not asked.")
    return address.of_stack(docker_host)


def _docker_host(path: Path) -> str | None:
    """`dockerHost` of a stack's file, if there is one. Nothing else of that file matters here."""
    if ":dockerHost" not in (text := path.read_text()):
        return None
    import yaml  # only here: the fast lane has no time for what it does not need

    try:
        config = (yaml.safe_load(text) or {}).get("config") or {}
    except yaml.YAMLError as error:
        raise Usage(f"{path.name} is not valid YAML, so nothing says which engine the stack is on: {error}") from None
    found = next((value for key, value in config.items() if str(key).endswith(":dockerHost")), None)
    if not isinstance(found, str | None):
        raise Usage(
            f"dockerHost in {path.name} is not a text (a Pulumi secret cannot be read here), so nothing says which "
            "engine the stack is on. Set it with "
            f"`pulumi config set --plaintext dockerHost <address> --stack {path.stem.removeprefix('Pulumi.')}`."
        )
    return found
