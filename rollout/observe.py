"""Seeing: what the host says of the edge, its state and the colours."""

import docker

from rollout import state
from rollout.colours import find_colours
from rollout.edge import Edge
from rollout.engine import find
from rollout.plan import Observed


def observe(client: docker.DockerClient, edge: str, service: str) -> Observed:
    """What is seen now of the proxy container `edge` and of the containers `<service>-<colour>`."""
    container = find(client, edge)
    colours = find_colours(client, service)
    if container is None or container.status != "running":
        return Observed(edge=container.status if container else "absent", colours=colours)
    found = state.read(Edge(client, edge))
    return Observed(marker=found.marker, journal=found.journal, damage=found.damage, colours=colours)
