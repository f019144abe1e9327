"""Seeing: what the host says of the edge, its state and the colours."""

import docker

from engine.client import find
from engine.edge import Edge
from rollout import state
from rollout.colours import find_colours
from rollout.plan import Observed
from rollout.state import State


def observe(
    client: docker.DockerClient, edge: str, service: str, *, volume: str, image: str
) -> tuple[Observed, State | None]:
    """What is seen now of the proxy container `edge` and of the containers `<service>-<colour>`, and the state that
    this was made from; None where it could not be looked at.

    An edge that does not run, as after an update that was killed while it replaced it, has left its state in `volume`:
    there a container of its `image` looks.
    """
    container = find(client, edge)
    status = container.status if container else "absent"
    running = status == "running"
    found = state.read(Edge(client, edge)) if running else state.read_without_edge(client, volume, image)
    # After the state: if that is then claimed as it was read, nothing was released in between.
    colours = find_colours(client, service)
    if found is None:
        return Observed(edge=status, colours=colours), None
    seen = Observed(edge=status, marker=found.marker, journal=found.journal, damage=found.damage, colours=colours)
    return seen, found
