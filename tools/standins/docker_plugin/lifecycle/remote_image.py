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
    """Pull the image if the engine lacks it."""
    name = planned["name"]
    try:
        found = find_or_pull(client, name, planned.get("platform"), patience)
    except Failed as error:
        raise Failed(f"Unable to read Docker image into resource: {error}") from None
    return found["Id"] + name, found


def look(client: "APIClient", _identity: str, state: Properties) -> tuple[str, Body] | None:
    """Find the image by name. If the tag has moved to another image, the id changes."""
    found = find(client, state["name"])
    return (found["Id"] + state["name"], found) if found else None


def update(_client: "APIClient", _identity: str, _state: Properties, _planned: Properties, _patience: Patience) -> None:
    """Change the state only: inputs that can change in place matter only for the removal."""


def delete(client: "APIClient", _identity: str, state: Properties, _patience: Patience) -> None:
    """Remove the tag, unless `keepLocally` is true."""
    if state.get("keepLocally"):
        return
    with explained("Unable to remove Docker image: "), unless_gone():
        client.remove_image(state["name"], force=state.get("forceRemove", False))
