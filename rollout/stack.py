"""A stack by its name alone: where its engine is and how its containers are called, without Pulumi.

An operator needs no configuration at three in the morning: the names follow from the stack's, and all else is on the
host.
"""

import os
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from engine import address, quick
from engine.address import Address
from engine.client import connect_quickly, find, say
from engine.edge import Edge
from engine.errors import NeedsPerson, Usage
from engine.quick import own_name
from rollout.colours import Colours, find_colours
from workloads.colour import COLOURS

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

    def down(self) -> dict[str, str]:
        """The services of the stack that should run and do not, by their names, each with the engine's word for its
        state. A service is what shares networks with the edge, near or far, and is no one-shot."""
        listed = {
            own_name(summary): summary for summary in self.client.summaries({"name": [f"^/?{re.escape(self.name)}-"]})
        }
        joined = {name: {*(found["NetworkSettings"]["Networks"] or {})} for name, found in listed.items()}
        near = within(joined, f"{self.name}-nginx", f"{self.name}-")
        colours = tuple(f"{self.service}-{colour}" for colour in COLOURS)
        return {
            name: listed[name]["State"]
            for name in sorted(near)
            if listed[name]["State"] != "running" and not name.startswith(colours) and self._restarts(name)
        }

    def _restarts(self, name: str) -> bool:
        container = find(self.client, name)
        return bool(container and container.attrs["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no"))

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


def within(joined: Mapping[str, Set[str]], first: str, prefix: str) -> Set[str]:
    """The containers that reach `first` over networks whose names begin with `prefix`, from one to the next; `joined`
    are the networks of each. Another stack's name may begin as this one's, but it shares no network with it."""
    reached: set[str] = set()
    networks = {*joined.get(first, ())}
    while more := {name for name in joined.keys() - reached if joined[name] & networks}:
        reached |= more
        networks |= {network for name in more for network in joined[name] if network.startswith(prefix)}
    return reached


def engine_of(name: str) -> Address:
    """The engine of a stack: `dockerHost` of its files, whatever DOCKER_HOST says, as Pulumi's provider has it.

    Raises Usage when the files cannot tell and DOCKER_HOST does not either: no engine is asked on a guess.
    """
    path = _ROOT / f"Pulumi.{name}.yaml"
    chosen = os.environ.get("DOCKER_HOST")
    # As in Pulumi, the stack's file comes before that of the project.
    docker_host, file = _docker_host(name, [found for found in (path, _ROOT / "Pulumi.yaml") if found.exists()])
    if not path.exists() and not docker_host and not chosen:
        raise Usage(
            f'There is no {path.name} here, so nothing says which engine the stack "{name}" is on. Nothing was asked. '
            "Run the command where that file is, or name the engine: DOCKER_HOST=unix:///var/run/docker.sock."
        )
    if docker_host and chosen and chosen != docker_host:
        say(f"{name} is on {docker_host} (dockerHost in {file}); DOCKER_HOST ({chosen}) is not asked.")
    return address.of_stack(docker_host)


def _docker_host(stack: str, paths: list[Path]) -> tuple[str | None, str]:
    """`dockerHost` of the first of these files that has it, and that file's name. Nothing else matters here."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    if not any("dockerHost" in text for text in texts.values()):
        return None, ""
    import yaml  # only here: the fast lane has no time for what it does not need

    files = {}
    for file, text in texts.items():
        try:
            files[file] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Usage(f"{file} is not valid YAML, so nothing says which engine the stack is on: {error}") from None
    try:
        project = files["Pulumi.yaml"]["name"]
        configs = {file: dict((content or {}).get("config") or {}) for file, content in files.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Usage(
            f"{' or '.join(files)} is not a file of Pulumi's (Pulumi.yaml has the project's name), so nothing says "
            "which engine the stack is on."
        ) from None
    # A key without a prefix is one of this project.
    keys = ("dockerHost", f"{project}:dockerHost")
    written = ((file, config[key]) for file, config in configs.items() for key in keys if key in config)
    file, found = next(written, ("", None))
    if file == "Pulumi.yaml" and isinstance(found, dict):  # where a value stands below `value` or `default`
        found = found.get("value", found.get("default"))
    if not isinstance(found, str | None):
        raise Usage(
            f"dockerHost in {file} is not a text (a Pulumi secret cannot be read here), so nothing says which "
            f"engine the stack is on. Set it with `pulumi config set --plaintext dockerHost <address> --stack {stack}`."
        )
    return found, file
