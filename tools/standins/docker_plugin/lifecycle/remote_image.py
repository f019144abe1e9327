"""Images at the engine."""

from typing import TYPE_CHECKING

from tools.standins.docker_plugin.engine import explained, unless_gone
from tools.standins.docker_plugin.lifecycle.images import find, find_or_pull
from tools.standins.docker_plugin.schema import Body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import Failed
from tools.standins.protocol.values import Properties

if TYPE_CHECKING:
    from docker import APIClient


def create(client: "APIClient", planned: Properties, patience: Patience) -> tuple[str, Body]:
    """Pulls only what is not there."""
    name = planned["name"]
    try:
        found = find_or_pull(client, name, planned.get("platform"), patience)
    except Failed as error:
        raise Failed(f"Unable to read Docker image into resource: {error}") from None
    return found["Id"] + name, found


def look(client: "APIClient", _identity: str, state: Properties) -> tuple[str, Body] | None:
    """By name: where the tag has moved to another image, the id is another too."""
    found = find(client, state["name"])
    return (found["Id"] + state["name"], found) if found else None


def update(_client: "APIClient", _identity: str, _state: Properties, _planned: Properties, _patience: Patience) -> None:
    """What can change is of concern for the removal only."""


def delete(client: "APIClient", _identity: str, state: Properties, _patience: Patience) -> None:
    """Removes the tag, unless the image is to be kept."""
    if state.get("keepLocally"):
        return
    with explained("Unable to remove Docker image: "), unless_gone():
        client.remove_image(state["name"], force=state.get("forceRemove", False))
