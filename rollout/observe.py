"""Seeing: what the host says of the edge, its state and the colours."""

from dataclasses import replace

from engine import quick
from engine.address import Address
from engine.client import connect, find
from engine.edge import Edge
from rollout import former, state
from rollout.arguments import Look
from rollout.colours import find_colours
from rollout.gate import answering
from rollout.plan import Observed
from rollout.state import State


def observe(client: quick.Engine, address: Address, look: Look) -> tuple[Observed, State | None]:
    """What `client` sees now on its engine, the one at `address`, and the state that it was read from; None where the
    state could not be read.

    An edge that does not run, as after an update that was killed while it replaced it, has left its state in a volume:
    there a container of the edge's image looks.
    """
    place = look.place
    container = find(client, place.edge)
    status = container.status if container else "absent"
    found = (
        state.read(Edge(client, place.edge))
        if status == "running"
        else state.read_without_edge(connect(address), look.volume, look.image)
    )
    # After the state: if that is then claimed as it was read, nothing was released in between.
    colours = find_colours(client, place.service)
    if found is None:
        return Observed(edge=status, colours=colours), None
    seen = Observed(edge=status, marker=found.marker, journal=found.journal, damage=found.damage, colours=colours)
    if status == "running":
        edge = Edge(client, place.edge)
        answers = answering(edge, colours, found.marker)
        seen = replace(seen, colours=former.with_ways(edge, colours), answering=answers)
    return seen, found
