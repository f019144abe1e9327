"""Seeing what the host says of the edge, its state and the colours; and the plan that follows from it."""

import docker

from engine.address import Address
from engine.client import connect, find
from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout import state
from rollout.arguments import Look
from rollout.colours import find_colours
from rollout.plan import Last, Observed, Plan, plan, plan_unseen


def planned(look: Look, address: Address) -> Plan:
    """The plan of an update against the engine at `address`.

    In a preview an engine that cannot be reached is no error: the plan is then made of the stack's last outputs. Raises
    NeedsPerson otherwise.
    """
    last = Last(live=look.last_live, release=look.last_release)
    try:
        return plan(observe(connect(address), look), last, look.wanted, manual=look.manual)
    except NeedsPerson as error:
        if not look.preview:
            raise
        return plan_unseen(last, look.wanted, str(error))


def observe(client: docker.DockerClient, look: Look) -> Observed:
    """What is seen now. An edge that does not run, as after an update that was killed while it replaced it, has left
    its state in its volume: there a container of its image looks."""
    container = find(client, look.place.edge)
    status = container.status if container else "absent"
    colours = find_colours(client, look.place.service)
    running = status == "running"
    found = (
        state.read(Edge(client, look.place.edge))
        if running
        else state.read_without_edge(client, look.volume, look.image)
    )
    if found is None:
        return Observed(edge=status, colours=colours)
    return Observed(edge=status, marker=found.marker, journal=found.journal, damage=found.damage, colours=colours)
