"""The state is older than the host: a copy of it was put back, and updates have been at work since it was taken.

Pulumi then asks for containers by ids that are gone, takes them for removed, and makes them anew under names that are
in use. What such an update has made is told from what somebody made by hand by the marks that the program gives.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import docker
from docker.errors import ImageNotFound
from docker.models.containers import Container

from engine.arguments import VARIABLE
from engine.client import find
from ops.drift import own
from ops.drift.deployed import COMMAND, CONTAINER, NETWORK, SECRET, SIGNATURE, plain

WHAT = "the state is older than the host"
"""For a message: what is the case."""


def mend(stack: str) -> str:
    """The command after which it is no longer so."""
    return f"python -m ops recover --stack {stack}"


def containers(resources: list[dict[str, Any]], kind: str = CONTAINER) -> dict[str, dict[str, Any]]:
    """The containers of a state by name. One that is to be deleted yet has a successor under the same name."""
    return {
        found["inputs"]["name"]: found
        for found in resources
        if found.get("type") == kind and found.get("id") and not found.get("delete")
    }


def networks(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same of the networks."""
    return containers(resources, NETWORK)


def unknown(known: Mapping[str, dict[str, Any]], listed: Mapping[str, str]) -> list[str]:
    """The names of those whose id in the state the engine does not know, and that it has under another one. `listed`
    has all of its ids by name."""
    ids = {*listed.values()}
    return [name for name, found in known.items() if name in listed and found["id"] not in ids]


def was_recorded(container: Container) -> bool:
    """Whether a state has had it, be it a newer one. Behind the record a step sets the limit of processes, for which
    the provider has no input (engine/ready.py)."""
    return bool(container.attrs["HostConfig"].get("PidsLimit"))


def sibling(known: Mapping[str, dict[str, Any]], name: str, stack: str) -> dict[str, Any] | None:
    """The resource of another container of the API, after which that of this one can be made; of its colour, if there
    is one."""
    if own.kind(name, stack) != "colour":
        return None
    found = [other for other in known if own.kind(other, stack) == "colour" and _named(known[other], other, stack)]
    colour = _part(name, stack).partition("-")[0]
    return known[min(found, key=lambda other: not _part(other, stack).startswith(colour))] if found else None


def _part(name: str, stack: str) -> str:
    """`blue-2`: what ends the name of a container, and that of its resource."""
    return name.removeprefix(f"{stack}-api-")


def _named(resource: Mapping[str, Any], name: str, stack: str) -> bool:
    return str(resource["urn"]).endswith(f"-{_part(name, stack)}")


def catch_up(
    client: docker.DockerClient, resources: list[dict[str, Any]], changed: list[str], new: list[str], stack: str
) -> Iterator[str]:
    """Note in these resources, which hold their secrets in plain text, what the engine has under these names: under
    another id, or although the state does not have it. Yields the names of those that are the program's own."""
    known = containers(resources)
    for name in changed:
        container = find(client, name)
        if container and name in known and own.is_own(container, inputs := plain(known[name]["inputs"])):
            _note(known[name], container, inputs, environment_of_image(client, container))
            if inputs.get("uploads"):  # which files it has laid into its volume, nothing tells: so they are laid again
                known[name]["inputs"]["uploads"] = known[name]["outputs"]["uploads"] = []
            yield name
    for name in new:
        container, like = find(client, name), sibling(known, name, stack)
        if container and like and name not in known:
            made = _made_like(like, container, stack)
            resources.insert(resources.index(like) + 1, made)  # behind all that it depends on
            _note(made, container, plain(made["inputs"]), environment_of_image(client, container))
            yield name


def _made_like(like: dict[str, Any], container: Container, stack: str) -> dict[str, Any]:
    """A resource for a container of the API. An update ignores all changes of one that it does not make anew."""
    made, name = deepcopy(like), str(container.name)
    made["urn"] = made["urn"].removesuffix(_part(like["inputs"]["name"], stack)) + _part(name, stack)
    joined = container.attrs["NetworkSettings"]["Networks"]
    for side in (made["inputs"], made["outputs"]):
        side |= {"name": name, "labels": []}
        for network in side.get("networksAdvanced") or []:
            fixed = (joined.get(network["name"]) or {}).get("IPAMConfig") or {}
            if fixed.get("IPv4Address"):
                network["ipv4Address"] = fixed["IPv4Address"]
    return made


def _note(resource: dict[str, Any], container: Container, inputs: Mapping[str, Any], of_image: set[str] | None) -> None:
    """The id, and what no refresh reads back."""
    resource["id"] = resource["outputs"]["id"] = container.id
    for failed in ("initErrors", "pendingReplacement"):  # of the former one: Pulumi would make this one anew for either
        resource.pop(failed, None)
    config = container.attrs["Config"]
    marks = {key: value for key, value in (config["Labels"] or {}).items() if key.startswith("orca.")}
    had = {label["label"]: label["value"] for label in inputs.get("labels") or []}
    # Both: attempts begin anew with a host that was set up anew.
    if "orca.attempt" in marks and all(marks.get(key) == had.get(key) for key in ("orca.attempt", "orca.release")):
        return  # a copy of what the state knows: what is different in it was changed by hand
    noted: dict[str, Any] = {"image": config["Image"]}
    environment = {*(config["Env"] or [])} - (of_image or set())
    if of_image is not None and environment != {*(inputs.get("envs") or [])} - of_image:
        noted["envs"] = _secret(sorted(environment))  # which of them are secret, only the program knows
    if inputs.get("user"):
        noted["user"] = config["User"]
    if marks:
        noted["labels"] = [{"label": key, "value": value} for key, value in sorted(marks.items())]
    resource["inputs"] |= noted
    resource["outputs"] |= noted


def configure_again(resources: list[dict[str, Any]]) -> None:
    """Let the next update configure the edge, also if the configuration of the state is the wanted one: the edge may
    run another."""
    for step in (found for found in resources if found.get("type") == COMMAND):
        for side in (step["inputs"], step.get("outputs") or {}):
            environment = plain(side.get("environment") or {})
            if {"container", "config"} <= json.loads(environment.get(VARIABLE) or "{}").keys():
                side["environment"] = _secret({**environment, VARIABLE: ""})


def _secret(value: Any) -> dict[str, str]:
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


def environment_of_image(client: docker.DockerClient, container: Container) -> set[str] | None:
    """What a container's environment has from its image. None where the engine does not know it: the image is gone, or
    the containerd image store has lost what describes it (https://github.com/moby/moby/issues/51566)."""
    try:
        image = client.images.get(container.attrs["Image"])
    except ImageNotFound:
        return None
    config = image.attrs.get("Config")
    return None if config is None else {*(config.get("Env") or [])}
