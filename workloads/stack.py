"""The one list of everything that a stack has: containers, networks, volumes, and who can open which port.

The Pulumi program, the audit, the tests and the tables in the docs are made from this list. To add a container, write
its module in this folder and add its name and its function to SERVICES.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from settings import Settings
from workloads import (
    acme,
    alertmanager,
    api,
    blackbox,
    cadvisor,
    collector,
    edge,
    grafana,
    mirror,
    ollama,
    pages,
    prometheus,
    victorialogs,
)
from workloads.colour import COLOURS, Colour
from workloads.network import ALWAYS, NetworkSpec, networks
from workloads.storage import Files, Volume
from workloads.workload import Workload

SERVICES: Mapping[str, Callable[[Settings], Workload | None]] = {
    ollama.SERVICE: ollama.server,
    mirror.SERVICE: mirror.server,
    ollama.INIT: ollama.init,
    acme.SERVICE: acme.client,
    cadvisor.SERVICE: cadvisor.exporter,
    blackbox.SERVICE: blackbox.exporter,
    victorialogs.SERVICE: victorialogs.server,
    collector.SERVICE: collector.agent,
    alertmanager.SERVICE: alertmanager.server,
    prometheus.SERVICE: prometheus.server,
    grafana.SERVICE: grafana.server,
    pages.SERVICE: pages.server,
}
"""Every container besides the edge and those of the API, by the name of its service. Each comes after the services that
it depends on. A function returns None where the settings do not ask for its container."""

OUTSIDE = "outside"
"""Any other container of the host."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """A port of a service, the services that can open it from another container, and why that is so."""

    to: str
    port: int
    open_to: frozenset[str]
    why: str


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All that a stack has. `services` are in the order in which they can start."""

    networks: Mapping[str, NetworkSpec]
    services: tuple[Workload, ...]
    edge: Workload
    colours: Mapping[Colour, tuple[Workload, ...]]
    before: Workload | None = None
    """The one-shot that must succeed before a release gets containers."""

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """Every container that runs at some time, both colours with all their replicas among them."""
        replicas = tuple(replica for colour in COLOURS for replica in self.colours[colour])
        return (*self.services, self.edge, *replicas, *([self.before] if self.before else []))

    @property
    def volumes(self) -> tuple[Volume, ...]:
        return tuple(dict.fromkeys(mount.volume for workload in self.workloads for mount in workload.mounts))

    @property
    def files(self) -> tuple[tuple[Workload, Files], ...]:
        """What is laid into volumes, with the workload that wants it."""
        return tuple((workload, files) for workload in self.workloads for files in workload.files)

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(sorted({workload.image for workload in self.workloads}))

    @property
    def doors(self) -> tuple[Door, ...]:
        """The reachability matrix: every port that a service listens on, and the services that can open it.

        It follows from the networks: Docker filters between networks and not within one. Raises ValueError for a port
        that more services can open than need it, if the workload gives no reason.
        """
        return tuple(door for service in _by_service(self.workloads).values() for door in self._doors_of(service))

    def may_open(self, source: str, to: str, port: int) -> bool:
        """Whether a service (or `OUTSIDE`) can open a port of another one, whatever the address."""
        return any(door.to == to and door.port == port and source in door.open_to for door in self.doors)

    def _doors_of(self, workload: Workload) -> list[Door]:
        doors = []
        for listen in workload.listens:
            near = self._near(workload, listen.on or {attachment.network for attachment in workload.networks})
            if near - listen.needed_by and not listen.wider:
                raise ValueError(
                    f"{workload.service}: port {listen.port} is open to {', '.join(sorted(near - listen.needed_by))}, "
                    "which do not need it; say why (Listen.wider), or give it a network of its own"
                )
            why = "; ".join(filter(None, (listen.why, listen.wider)))
            doors.append(Door(to=workload.service, port=listen.port, open_to=near, why=why))
        return doors

    def _near(self, workload: Workload, on: Set[str]) -> frozenset[str]:
        """The other services on any of these networks."""
        return frozenset(
            other.service
            for other in self.workloads
            if other.service != workload.service and on & {attachment.network for attachment in other.networks}
        )


def stack(settings: Settings) -> Stack:
    """Everything that these settings describe."""
    services = tuple(workload for make in SERVICES.values() if (workload := make(settings)))
    used = {attachment.network for workload in services for attachment in workload.networks}
    return Stack(
        networks={key: spec for key, spec in networks(settings).items() if key in ALWAYS or key in used},
        services=services,
        edge=edge.server(settings),
        colours={colour: api.colour_workloads(settings, colour) for colour in COLOURS},
        before=api.before(settings),
    )


def _by_service(workloads: Sequence[Workload]) -> Mapping[str, Workload]:
    """One workload of each service: replicas listen on the same ports and are on the same networks."""
    return {workload.service: workload for workload in workloads}
