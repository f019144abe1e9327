"""The containers of both colours, as the engine knows them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import quick
from workloads.colour import COLOURS, Colour
from workloads.way import REPLICAS, Way, of_labels

if TYPE_CHECKING:
    import docker


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One container of a colour.

    `index` counts from 0; `of` is the number of containers that its colour was made with, 0 if its labels do not hold
    it; `state` is the engine's word, with the exit code of one that has ended; `health` is the
    verdict of the image's own check, empty if it has none; `since` is its last start, empty if there was none;
    `addresses` are its fixed ones, up or down; `volumes` the names of those that are mounted; `way` is None if its
    labels do not hold it.
    """

    name: str
    colour: Colour
    index: int
    of: int = 0
    state: str = "running"
    health: str = ""
    release: str = ""
    image: str = ""
    readiness: str = "/"
    way: Way | None = None
    attempt: int = 0
    restarts: int = 0
    since: str = ""
    addresses: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    id: str = ""

    @property
    def running(self) -> bool:
        return self.state == "running"

    def at(self, path: str) -> str:
        """A path of the replica on the edge's admin socket, where it has a name of its own
        (nginx/sites/90-admin.conf.j2)."""
        return f"{self.colour}-{self.index}{path}"


Colours = Mapping[Colour, tuple[Replica, ...]]


def find_colours(client: "docker.DockerClient | quick.Engine", service: str) -> Colours:
    """The replicas of each colour in order: the containers `<service>-<colour>` and `<service>-<colour>-<n>`."""
    containers = client.containers.list(all=True, filters={"name": f"^/?{re.escape(service)}-"}, ignore_removed=True)
    found = [
        _replica(container.attrs, colour, int(match["number"] or 1) - 1)
        for container in containers
        for colour in COLOURS
        if (match := re.fullmatch(rf"{re.escape(service)}-{colour}(?:-(?P<number>\d+))?", container.name or ""))
    ]
    found.sort(key=lambda replica: replica.index)
    return {colour: tuple(replica for replica in found if replica.colour == colour) for colour in COLOURS}


def release_of(replicas: tuple[Replica, ...]) -> str:
    """The release that a colour's containers agree on; empty if they do not, or if there are none."""
    releases = {replica.release for replica in replicas}
    return releases.pop() if len(releases) == 1 else ""


def shortage(replicas: tuple[Replica, ...]) -> str:
    """How many of its containers a colour still has, as `1 of 2`; empty if none was removed, or if all were."""
    made = max((replica.of for replica in replicas), default=0)
    return f"{len(replicas)} of {made}" if len(replicas) < made else ""


def attempt_of(replicas: tuple[Replica, ...]) -> int:
    """The attempt that a colour's containers were made at; 0 if there are none."""
    return max((replica.attempt for replica in replicas), default=0)


def volumes_of(replicas: tuple[Replica, ...]) -> tuple[str, ...]:
    """The names of all volumes that a colour's containers have mounted."""
    return tuple(sorted({name for replica in replicas for name in replica.volumes}))


def releases(colours: Colours) -> dict[Colour, str]:
    """The release of each colour that has containers."""
    return {colour: release_of(replicas) for colour, replicas in colours.items() if replicas}


def _replica(attrs: Mapping[str, Any], colour: Colour, index: int) -> Replica:
    state, labels = attrs["State"], attrs["Config"]["Labels"] or {}
    ended = f" ({state['ExitCode']})" if state["Status"] in ("exited", "dead") else ""
    return Replica(
        id=attrs["Id"],
        name=attrs["Name"].removeprefix("/"),
        colour=colour,
        index=index,
        of=int(labels.get(REPLICAS, 0)),
        state=state["Status"] + ended,
        health=state.get("Health", {}).get("Status", "").replace("none", ""),
        release=labels.get("orca.release", ""),
        image=attrs["Config"]["Image"],
        readiness=labels.get("orca.readiness", "/"),
        way=of_labels(labels),
        attempt=int(labels.get("orca.attempt", 0)),
        restarts=attrs["RestartCount"],
        since="" if state["StartedAt"].startswith("0001-") else state["StartedAt"],
        addresses=frozenset(
            address
            for network in attrs["NetworkSettings"]["Networks"].values()
            for address in (network["IPAddress"], (network["IPAMConfig"] or {}).get("IPv4Address"))
            if address
        ),
        volumes=frozenset(mount["Name"] for mount in attrs["Mounts"] if mount["Type"] == "volume"),
    )
