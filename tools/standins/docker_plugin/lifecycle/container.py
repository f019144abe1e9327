"""Containers at the engine."""

import time
from typing import TYPE_CHECKING, Any

from tools.standins.docker_plugin.engine import explained, unless_gone
from tools.standins.docker_plugin.lifecycle import uploads
from tools.standins.docker_plugin.lifecycle.images import find_or_pull
from tools.standins.docker_plugin.lifecycle.shared import HalfMade
from tools.standins.docker_plugin.schema import Body, Effect
from tools.standins.docker_plugin.tables.container import CONTAINER
from tools.standins.docker_plugin.tables.container_resources import running
from tools.standins.docker_plugin.writing import body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import Failed
from tools.standins.protocol.values import Properties, known

if TYPE_CHECKING:
    from docker import APIClient

# How often to ask for the state of a container that is waited for, in seconds.
HEALTH_SECONDS = 1.0
END_SECONDS = 0.2
NO_HEALTHCHECK = (
    "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
    "Please remove the 'wait' argument or add a 'healthcheck' attribute"
)
# The names of the SDK's update call for what the table writes into the body's HostConfig.
_UPDATES = {
    "Memory": "mem_limit",
    "MemorySwap": "memswap_limit",
    "MemoryReservation": "mem_reservation",
    "CpuShares": "cpu_shares",
    "CpusetCpus": "cpuset_cpus",
    "RestartPolicy": "restart_policy",
}
_IN_PLACE = [field.name for field in CONTAINER.fields if field.effect is Effect.IN_PLACE]


def create(client: "APIClient", planned: Properties, patience: Patience) -> tuple[str, Body]:
    """Create, connect, upload, start and wait. Once the container exists, an error is HalfMade."""
    image = planned["image"]
    try:
        find_or_pull(client, image, known(planned.get("platform")), patience)
    except Failed as error:
        raise Failed(f"Unable to create container with image {image}: {error}") from None
    wanted = body(CONTAINER, planned)
    config = {**wanted.pop("Config"), **wanted}
    with explained("Unable to create container: "):
        made = client.create_container_from_config(  # type: ignore[no-untyped-call]  # a gap in the SDK's types
            config, planned["name"], known(planned.get("platform"))
        )
    identity = made["Id"]
    try:
        return identity, _bring_up(client, identity, planned, patience)
    except Exception as error:  # whatever it is: the container exists
        raise HalfMade(identity, str(error)) from None


def _bring_up(client: "APIClient", identity: str, planned: Properties, patience: Patience) -> Body:
    _connect(client, identity, planned["networksAdvanced"])
    uploads.upload(client, identity, planned["uploads"])
    if planned["start"]:
        with explained("Unable to start container: "):
            client.start(identity)
    if planned["wait"]:
        _wait_healthy(client, identity, planned["waitTimeout"], patience)
    logs = _wait_end(client, identity, planned["logs"], patience) if planned["attach"] else None
    return {**_inspect(client, identity), "ContainerLogs": logs}


def _connect(client: "APIClient", identity: str, networks: list[dict[str, Any]]) -> None:
    """Replace the default network by the program's networks, before the start, so the aliases exist from the start."""
    if not networks:
        return
    try:
        with explained("Unable to disconnect the default network: "):
            client.disconnect_container_from_network(identity, "bridge")
    except Failed as error:
        if "is not connected to" not in str(error):
            raise
    for network in networks:
        options = dict(option.split("=", 1) for option in network.get("driverOpts", []) if "=" in option)
        with explained(f"Unable to connect to network '{network['name']}': "):
            client.connect_container_to_network(
                identity,
                network["name"],
                ipv4_address=network.get("ipv4Address") or None,
                ipv6_address=network.get("ipv6Address") or None,
                aliases=network.get("aliases") or None,
                link_local_ips=network.get("linkLocalIps") or None,
                driver_opt=options or None,
                mac_address=network.get("macAddress") or None,
            )


def _wait_healthy(client: "APIClient", identity: str, seconds: int, patience: Patience) -> None:
    """Wait until healthy. Like the official plugin, wait the whole time even if the container has ended."""
    end = time.monotonic() + seconds
    while True:
        health = _inspect(client, identity)["State"].get("Health")
        if health is None:
            raise Failed(NO_HEALTHCHECK)
        if health["Status"] == "healthy":
            return
        if time.monotonic() + HEALTH_SECONDS > end:
            raise Failed("container failed to be in healthy state")
        patience.sleep(HEALTH_SECONDS)


def _wait_end(client: "APIClient", identity: str, logs: bool, patience: Patience) -> str | None:
    while running(_inspect(client, identity)):
        patience.sleep(END_SECONDS)
    if not logs:
        return None
    with explained("Unable to read container logs: "):
        return client.logs(identity).decode(errors="replace")


def _inspect(client: "APIClient", identity: str) -> Body:
    with explained("Unable to inspect container: "):
        found: Body = client.inspect_container(identity)
    return found


def look(client: "APIClient", identity: str, _state: Properties) -> tuple[str, Body] | None:
    """Find the container by id, because another container can have its name by now."""
    with explained("Unable to inspect container: "), unless_gone():
        found = client.inspect_container(identity)
        return found["Id"], found
    return None


def update(client: "APIClient", identity: str, state: Properties, planned: Properties, _patience: Patience) -> None:
    """Update limits and restart policy. Start the container if `mustRun` has become true."""
    if any(state.get(name) != planned.get(name) for name in _IN_PLACE):
        given = {name: value for name in _IN_PLACE if (value := planned.get(name))}  # zero is "as it is"
        wanted = body(CONTAINER, given)["HostConfig"]
        with explained("Unable to update a container: "):
            client.update_container(identity, **{_UPDATES[name]: value for name, value in wanted.items()})
    if planned["mustRun"] and not state.get("mustRun") and planned["start"]:
        with explained("Unable to start container: "):
            client.start(identity)


def delete(client: "APIClient", identity: str, state: Properties, patience: Patience) -> None:
    """Stop the container if it has a grace period, else kill it. Then remove it."""
    grace = state.get("destroyGraceSeconds")
    if grace and not state.get("attach"):
        with explained(f"Error stopping container {identity}: "), unless_gone():
            client.stop(identity, timeout=grace)
    try:
        with explained(f"Error deleting container {identity}: "), unless_gone():
            client.remove_container(identity, v=state.get("removeVolumes", True), force=True)
    except Failed as error:
        if "is already in progress" not in str(error):
            raise
    while look(client, identity, state):
        patience.sleep(END_SECONDS)
