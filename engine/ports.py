"""Host ports, tried on the engine that is to publish them: a port that another program holds is refused beforehand.

A container that ends at once publishes the ports, so the try is what the engine does for the real container. It needs
nothing but the engine's API, so it is the same on a far host and on a rootless engine.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.address import Address
from engine.client import connect, connect_quickly, find

if TYPE_CHECKING:
    import docker

# What engines from 20.10 on say of a port that they cannot publish. Any other failure says nothing about a port.
_OF_A_PORT = re.compile(r"external connectivity|already allocated|already in use|ports are not available", re.I)
_HELD = re.compile(r"already allocated|already in use", re.I)


class HostPort(NamedTuple):
    """A TCP port on an address of the host."""

    address: IPv4Address | IPv6Address
    number: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.number}"

    def overlaps(self, other: "HostPort") -> bool:
        """Whether one of the two excludes the other: an unspecified address stands for all of its family."""
        one, two = self.address, other.address
        same = one == two or (one.version == two.version and (one.is_unspecified or two.is_unspecified))
        return same and self.number == other.number


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`wanted` are the ports that the container named `publisher` is to publish; it may exist and publish some now.
    `image` has a `/bin/sh`, and `network` is the one that the container is on; either may be absent on the engine.

    `preview`: an update may be at work, which a port that is tried just then would disturb.
    """

    publisher: str
    wanted: Sequence[HostPort]
    image: str
    network: str
    preview: bool = False


def refused(address: Address, trial: Trial) -> Mapping[HostPort, str]:
    """The wanted ports that the engine cannot publish, each with what is in the way.

    A port that the publisher publishes already is not tried. Some can only be compared with those of other containers:
    one that overlaps with such a port (another address, the same number), all of them while the engine has none of the
    images, and all of them in a preview while the publisher is away. Raises NeedsPerson when no engine answers.
    """
    publisher = find(connect_quickly(address), trial.publisher)
    now = set(_bound(publisher.attrs["NetworkSettings"]["Ports"])) if publisher else set()
    new = [port for port in trial.wanted if port not in now]
    if not new:
        return {}
    client = connect(address)
    held = {port: holder for port in new if (holder := _holder(client, port, trial.publisher))}
    free = [port for port in new if port not in held and not any(port.overlaps(own) for own in now)]
    away = publisher is None or publisher.status != "running"
    if trial.preview and away and client.networks.list(names=[trial.network]):
        return held
    images = [publisher.attrs["Image"], trial.image] if publisher else [trial.image]
    if not (together := _try(client, images, trial, free)):
        return held
    alone = {port: problem for port in free if (problem := _try(client, images, trial, [port]))}
    return held | (alone or dict.fromkeys(free, together))


def _bound(ports: Mapping[str, Sequence[Mapping[str, str]] | None] | None) -> Iterable[HostPort]:
    """The host ports in an engine's account of a container."""
    for inside, bindings in (ports or {}).items():
        for binding in bindings or ():
            if inside.endswith("/tcp"):
                yield HostPort(ip_address(binding["HostIp"] or "0.0.0.0"), int(binding["HostPort"]))


def _holder(client: "docker.DockerClient", port: HostPort, publisher: str) -> str:
    """The container that publishes the port, in words; empty if none does."""
    for container in client.api.containers():
        name = (container["Names"] or ("?",))[0].removeprefix("/")
        for bound in container["Ports"]:
            if bound.get("Type") == "tcp" and "PublicPort" in bound and name != publisher:
                taken = HostPort(ip_address(bound.get("IP") or "0.0.0.0"), bound["PublicPort"])
                if taken.overlaps(port):
                    return f"container {name} publishes it"
    return ""


def _try(client: "docker.DockerClient", images: Sequence[str], trial: Trial, ports: Sequence[HostPort]) -> str:
    """Publish the ports for a moment. Gives why the engine could not, in words; empty if it could, or could not try."""
    from docker.errors import APIError, DockerException

    container = _container(client, images, trial, ports) if ports else None
    if container is None:
        return ""
    try:
        container.start()
    except APIError as error:
        return problem_of(str(error.explanation or error), ports[0].number)
    finally:
        with suppress(DockerException):  # the engine itself removes it when it ends
            container.remove(force=True)
    return ""


def problem_of(said: str, number: int) -> str:
    """What an engine's refusal to start a container says of its port; empty if it is about something else."""
    if not _OF_A_PORT.search(said):
        return ""
    if _HELD.search(said):
        return f"another program holds it (on the host, `ss -ltnp 'sport = :{number}'` as root names it)"
    return f"the engine says: {said}"


def _container(client: "docker.DockerClient", images: Sequence[str], trial: Trial, ports: Sequence[HostPort]) -> Any:
    """A container that publishes the ports, not started; None where the engine has none of the images."""
    from docker.errors import DockerException, ImageNotFound, NotFound

    # The port inside does not matter, as long as each has its own.
    published: dict[str, int | list[int] | tuple[str, int] | None] = {
        f"{inside}/tcp": (str(port.address), port.number) for inside, port in enumerate(ports, 1)
    }
    for image in images:
        for network in (trial.network, "bridge"):
            try:
                return client.containers.create(
                    image,
                    [":"],
                    entrypoint=["/bin/sh", "-c"],
                    user="65534",
                    network=client.networks.get(network).id,
                    ports=published,
                    read_only=True,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges"],
                    mem_limit="32m",
                    auto_remove=True,
                )
            except ImageNotFound:
                break
            except NotFound:
                continue
            except DockerException:
                return None
    return None
