"""What on a host is the stack's own. The names and marks that the program gives tell it from what somebody made by
hand, and from another stack."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import docker
from docker.models.containers import Container

from engine.client import find
from workloads import edge, ollama
from workloads.api import BEFORE
from workloads.colour import COLOURS
from workloads.network import PLAN
from workloads.stack import SERVICES
from workloads.workload import Log

Kind = Literal["colour", "service", "carrier", ""]
_SERVING = (edge.SERVICE, ollama.SERVICE)
_SERVICES = (edge.SERVICE, *SERVICES, BEFORE)
_NAMES: Mapping[Kind, str] = {
    "colour": rf"api-({'|'.join(COLOURS)})(-\d+)?",
    "service": "|".join(_SERVICES),
    "carrier": rf"(({'|'.join(('edge', *_SERVICES))})-(config|certificates|secrets)|api-secrets-[0-9a-f]+)-files",
}


def kind(name: str, stack: str) -> Kind:
    """What the program gives this name to in this stack; empty for nothing. `x-2-nginx` is no name of the stack `x`."""
    rest = name.removeprefix(f"{stack}-")
    kinds = (found for found, pattern in _NAMES.items() if re.fullmatch(pattern, rest))
    return next(kinds, "") if rest != name else ""


def serves(name: str, stack: str) -> bool:
    """Whether a container of that name may answer requests."""
    return kind(name, stack) == "colour" or name in {f"{stack}-{service}" for service in _SERVING}


def is_own(container: Container, inputs: Mapping[str, Any]) -> bool:
    """Whether the program has made this container, which has the name of these inputs: its log lines have the program's
    tag, and it is on one of their networks. By hand hardly anybody gives a container both. What version 0.1 made has no
    tag, and nothing tells it from a copy."""
    if inputs.get("networkMode") == "none":
        return _is_carrier(container)
    wanted = {network["name"] for network in inputs.get("networksAdvanced") or []}
    return _is_tagged(container) and (not wanted or bool(wanted & _joined(container)))


def is_unrecorded(client: docker.DockerClient, name: str, stack: str) -> bool:
    """Whether a container that the state does not have is the program's own all the same: it also has a name that the
    program gives. One that a person is told to remove is on no network of anybody else."""
    if not (found := kind(name, stack)) or not (container := find(client, name)):
        return False
    if found == "carrier":
        return _is_carrier(container)
    joined, ours = _joined(container), networks(stack)
    return _is_tagged(container) and (bool(joined & ours) if serves(name, stack) else joined <= ours)


def networks(stack: str) -> set[str]:
    """The names of all networks that a stack can have."""
    return {f"{stack}-{key}" for key, _, _ in PLAN}


def _is_carrier(container: Container) -> bool:
    """Not by the tag: an engine may give one of its own to a container that has none."""
    mounted = [(mount.get("Name"), mount["Destination"]) for mount in container.attrs["Mounts"]]
    filled = [(str(container.name).removesuffix("-files"), "/files")]
    runs = container.status == "running"
    return container.attrs["HostConfig"]["NetworkMode"] == "none" and mounted == filled and not runs


def _is_tagged(container: Container) -> bool:
    logs = (container.attrs["HostConfig"].get("LogConfig") or {}).get("Config") or {}
    return bool(logs.get("tag") == Log().tag)


def _joined(container: Container) -> set[str]:
    return {*container.attrs["NetworkSettings"]["Networks"]}
