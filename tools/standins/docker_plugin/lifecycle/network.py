"""Networks at the engine."""

from typing import TYPE_CHECKING

from tools.standins.docker_plugin.engine import explained, unless_gone
from tools.standins.docker_plugin.lifecycle.shared import HalfMade, remove_when_free
from tools.standins.docker_plugin.schema import Body
from tools.standins.docker_plugin.tables.network import NETWORK
from tools.standins.docker_plugin.writing import body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import Failed
from tools.standins.protocol.values import Properties

if TYPE_CHECKING:
    from docker import APIClient


def create(client: "APIClient", planned: Properties, _patience: Patience) -> tuple[str, Body]:
    """Create the network. A name that is taken is an error."""
    wanted = body(NETWORK, planned)
    with explained("Unable to create network: "):
        made = client.create_network(
            wanted["Name"],
            driver=wanted.get("Driver"),
            options=wanted.get("Options"),
            ipam=wanted.get("IPAM"),
            check_duplicate=True,
            internal=wanted.get("Internal", False),
            labels=wanted.get("Labels"),
            enable_ipv6=wanted.get("EnableIPv6", False),
            attachable=wanted.get("Attachable"),
            ingress=wanted.get("Ingress"),
        )
    try:
        with explained("Unable to read network: "):
            return made["Id"], client.inspect_network(made["Id"])
    except Failed as error:
        raise HalfMade(made["Id"], str(error)) from None


def look(client: "APIClient", identity: str, _state: Properties) -> tuple[str, Body] | None:
    """Find the network by its id."""
    with explained("Unable to read network: "), unless_gone():
        return identity, client.inspect_network(identity)
    return None


def update(_client: "APIClient", _identity: str, _state: Properties, _planned: Properties, _patience: Patience) -> None:
    """Never called: every change of a network is a replacement."""


def delete(client: "APIClient", identity: str, _state: Properties, patience: Patience) -> None:
    """Remove the network. Waits until its last container is gone."""

    def remove() -> None:
        with explained(), unless_gone():
            client.remove_network(identity)

    remove_when_free(remove, ("has active endpoints",), "pending", patience)
