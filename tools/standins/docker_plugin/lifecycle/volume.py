"""Volumes at the engine."""

from typing import TYPE_CHECKING

from tools.standins.docker_plugin.engine import explained, unless_gone
from tools.standins.docker_plugin.lifecycle.shared import remove_when_free
from tools.standins.docker_plugin.schema import Body
from tools.standins.docker_plugin.tables.volume import VOLUME
from tools.standins.docker_plugin.writing import body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.values import Properties

if TYPE_CHECKING:
    from docker import APIClient


def create(client: "APIClient", planned: Properties, _patience: Patience) -> tuple[str, Body]:
    """Create the volume. The engine adopts an existing volume of that name unchanged."""
    wanted = body(VOLUME, planned)
    with explained("Unable to create volume: "):
        made = client.create_volume(
            wanted["Name"],
            driver=wanted.get("Driver"),
            driver_opts=wanted.get("DriverOpts"),
            labels=wanted.get("Labels"),
        )
    return made["Name"], made


def look(client: "APIClient", identity: str, _state: Properties) -> tuple[str, Body] | None:
    """A volume's id is its name."""
    with explained("Unable to read volume: "), unless_gone():
        return identity, client.inspect_volume(identity)
    return None


def update(_client: "APIClient", _identity: str, _state: Properties, _planned: Properties, _patience: Patience) -> None:
    """Never called: every change of a volume is a replacement."""


def delete(client: "APIClient", identity: str, _state: Properties, patience: Patience) -> None:
    """Remove the volume. Waits until its last container is gone."""

    def remove() -> None:
        with explained(), unless_gone():
            client.remove_volume(identity)

    remove_when_free(remove, ("volume is in use",), "in_use", patience)
