"""The state is older than the host: a copy of it was put back, and updates have been at work since it was taken.

Pulumi then asks for containers by ids that are gone, takes them for removed, and makes them anew under names that are
in use. What such an update has made is told from what somebody made by hand by the marks that the program gives.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import docker
from docker.errors import ImageNotFound
from docker.models.containers import Container

from engine.client import find
from engine.edge import Edge
from engine.errors import NeedsPerson
from ops.drift.deployed import CONTAINER, SECRET, SIGNATURE, plain
from rollout import state
from workloads.colour import COLOURS
from workloads.workload import Log

WHAT = "the state is older than the host"
"""For a message: what is the case."""


def mend(stack: str) -> str:
    """The command after which it is no longer so."""
    return f"python -m ops recover --stack {stack}"


_OF_THE_PROGRAM = {"logOpts": {"tag": Log().tag}}


def is_own(container: Container, inputs: Mapping[str, Any]) -> bool:
    """Whether the program has made this container: its log lines have the tag of the inputs, and it is on one of their
    networks. By hand hardly anybody gives a container both."""
    attrs = container.attrs
    networks = {network["name"] for network in inputs.get("networksAdvanced") or []}
    tag = (inputs.get("logOpts") or {}).get("tag")
    logs = (attrs["HostConfig"].get("LogConfig") or {}).get("Config") or {}
    return tag == logs.get("tag") and (not networks or bool(networks & attrs["NetworkSettings"]["Networks"].keys()))


def is_unknown(client: docker.DockerClient, name: str, stack: str) -> bool:
    """Whether a container that the state does not have is the program's own all the same."""
    container = find(client, name) if name.startswith(f"{stack}-") else None
    return container is not None and is_own(container, _OF_THE_PROGRAM)


def attempt(labels: Mapping[str, str]) -> int:
    """The number of the update that made a colour's container; 0 for another container."""
    return int(labels.get("orca.attempt") or 0)


def attempt_noted(inputs: Mapping[str, Any]) -> int:
    """The same by the state."""
    return attempt({label["label"]: label["value"] for label in inputs.get("labels") or []})


def containers(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The containers of a state by name. One that is to be deleted yet has a successor under the same name."""
    return {
        found["inputs"]["name"]: found
        for found in resources
        if found.get("type") == CONTAINER and found.get("id") and not found.get("delete")
    }


def unknown(resources: list[dict[str, Any]], listed: Mapping[str, str]) -> list[str]:
    """The names of containers whose id in the state the engine does not know, and that it has under another one.
    `listed` has all of its ids by name."""
    ids = {*listed.values()}
    return [name for name, found in containers(resources).items() if name in listed and found["id"] not in ids]


def catch_up(client: docker.DockerClient, resources: list[dict[str, Any]], names: list[str]) -> Iterator[str]:
    """Note in these resources, which hold their secrets in plain text, what the engine has under these names; yields
    the names of those that are the program's own."""
    known = containers(resources)
    for name in names:
        container = find(client, name)
        if container and name in known and is_own(container, inputs := plain(known[name]["inputs"])):
            _note(known[name], container, inputs, environment_of_image(client, container))
            yield name


def _note(resource: dict[str, Any], container: Container, inputs: Mapping[str, Any], of_image: set[str]) -> None:
    """The id, and what no refresh reads back."""
    resource["id"] = resource["outputs"]["id"] = container.id
    config = container.attrs["Config"]
    labels = config["Labels"] or {}
    if (made := attempt(labels)) and made <= attempt_noted(inputs):
        return  # a copy of what the state knows: what is different in it was changed by hand
    noted: dict[str, Any] = {"image": config["Image"]}
    if {*config["Env"]} - of_image != {*(inputs.get("envs") or [])} - of_image:
        # Which of them are secret, only the program knows.
        noted["envs"] = {SIGNATURE: SECRET, "plaintext": json.dumps(sorted({*config["Env"]} - of_image))}
    if made:
        noted["labels"] = [
            {"label": key, "value": value} for key, value in sorted(labels.items()) if key.startswith("orca.")
        ]
    resource["inputs"] |= noted
    resource["outputs"] |= noted


def environment_of_image(client: docker.DockerClient, container: Container) -> set[str]:
    """What a container's environment has from its image."""
    try:
        image = client.images.get(container.attrs["Image"])
    except ImageNotFound:
        return set()
    return {*(image.attrs["Config"].get("Env") or [])}


def lost(client: docker.DockerClient, stack: str, known: Collection[str], listed: Collection[str]) -> list[str]:
    """The names of containers of the live colour that the engine has and the state does not: a refresh has dropped them
    from a state that was older. Nothing is lost with the other colour, which an update removes and makes anew."""
    edge, colour = f"{stack}-nginx", rf"{re.escape(stack)}-api-({'|'.join(COLOURS)})(-\d+)?"
    found = [name for name in listed if re.fullmatch(colour, name) and name not in known]
    if not found or edge not in known:
        return []
    try:
        live = state.read(Edge(client, edge)).marker
    except NeedsPerson:  # no edge that could tell
        return []
    return sorted(name for name in found if name.startswith(f"{stack}-api-{live}"))
