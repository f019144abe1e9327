"""Step `release`: the way of a colour from running to live. Gate, flip, watch; or whatever of that is still to do.

Every part leaves its mark in the journal, so a step that was killed is continued by the next one.
"""

from dataclasses import dataclass

import docker

from engine.client import find, say
from engine.edge import Edge
from engine.errors import Refused
from engine.ready import limit_pids
from rollout import state
from rollout.arguments import Release, Terms
from rollout.colours import Colours, Replica, find_colours, release_of
from rollout.flip import flip
from rollout.gate import gate
from rollout.journal import Journal, Phase, now
from rollout.watch import Requests, Watched, watch
from workloads.colour import Colour


@dataclass(frozen=True, kw_only=True)
class Live:
    """What is live when a step is done."""

    live: Colour
    release: str
    image: str


def release(client: docker.DockerClient, args: Release) -> Live:
    """Raises Refused when the state has moved on since the plan; Undone when the gate or the watch failed."""
    edge = Edge(client, args.place.edge)
    colours = find_colours(client, args.place.service)
    for replica in (*colours["blue"], *colours["green"]):
        container = find(client, replica.id)
        if container and container.attrs["HostConfig"]["PidsLimit"] != args.pids:
            limit_pids(client, container, args.pids)
    journal = state.read(edge).known
    _must_be_planned(journal, args)
    if journal.generation == args.generation and journal.live == args.target:
        _finish(client, edge, args, colours, journal)
    else:
        _bring_up(client, edge, args, colours, journal)
    return live(client, edge, args.place.service)


def live(client: docker.DockerClient, edge: Edge, service: str) -> Live:
    """What is live now, as the host says."""
    marker = state.read(edge).marker
    replicas = find_colours(client, service)[marker]
    return Live(live=marker, release=release_of(replicas), image=replicas[0].image if replicas else "")


def go_live(
    client: docker.DockerClient,
    edge: Edge,
    service: str,
    replicas: tuple[Replica, ...],
    terms: Terms,
    before: Journal,
    reason: str,
) -> None:
    """Flip to `replicas`, which have passed the gate, and watch them. `before` is the journal this was decided on."""
    new = replicas[0]
    # The first release of all is not watched: there is nothing to go back to.
    requests = Requests(edge, replicas) if terms.watch and before.live else None

    def onward(journal: Journal) -> Journal:
        _must_be_same(journal, before)
        at = now()
        flipped = journal.flipped(new.colour, new.release, reason, at)
        return flipped.at_phase("watching", new.colour, at, terms) if requests else flipped

    after = flip(edge, new.colour, onward)
    if requests:
        watched = Watched(service=service, replicas=replicas, generation=after.generation, terms=terms)
        see_through(client, edge, watched, requests)


def see_through(client: docker.DockerClient, edge: Edge, watched: Watched, requests: Requests) -> None:
    """Watch, then note that nothing is under way any more."""
    try:
        watch(client, edge, watched, requests)
    finally:
        requests.close()
    _note(edge, "done", None, watched.generation)


def _bring_up(client: docker.DockerClient, edge: Edge, args: Release, colours: Colours, journal: Journal) -> None:
    _note(edge, "gating", args.target, journal.generation)
    replicas = _gated(client, edge, args, colours)
    if args.manual and journal.live is not None:
        _note(edge, "waiting", args.target, journal.generation, args.terms)
        say(f"{args.target} has passed the gate and waits: `make promote` makes release {args.release} live")
        return
    go_live(client, edge, args.place.service, replicas, args.terms, journal, "release")


def _finish(client: docker.DockerClient, edge: Edge, args: Release, colours: Colours, journal: Journal) -> None:
    """The target is live already: see to its end what an update before this one has left."""
    if journal.phase == "watching" and journal.terms:
        replicas = _replicas(args, colours)
        say(f"{args.target} is live; an update before this one was cut off while it watched it")
        watched = Watched(
            service=args.place.service, replicas=replicas, generation=journal.generation, terms=journal.terms
        )
        see_through(client, edge, watched, Requests(edge, replicas))
    elif journal.phase != "done":
        if journal.target == args.target:
            # It had no containers left and has new ones: there is nothing to flip, but something to wait for.
            _gated(client, edge, args, colours)
        _note(edge, "done", None, journal.generation)


def _gated(client: docker.DockerClient, edge: Edge, args: Release, colours: Colours) -> tuple[Replica, ...]:
    """The replicas of the target, which have passed the gate."""
    replicas = _replicas(args, colours)
    gate(
        client,
        edge,
        args.place.service,
        replicas,
        needed=args.terms.passes,
        timeout=args.gate_timeout,
        smoke=args.smoke,
    )
    return replicas


def _replicas(args: Release, colours: Colours) -> tuple[Replica, ...]:
    replicas = colours[args.target]
    if release_of(replicas) != args.release:
        found = f"runs release {release_of(replicas) or 'of several kinds'}" if replicas else "has no container"
        raise Refused(
            f"{args.target} should run release {args.release}, but {found}. Nothing was changed. "
            "Run `pulumi up --refresh`."
        )
    return replicas


def _must_be_planned(journal: Journal, args: Release) -> None:
    flips = args.generation - journal.generation
    done = flips == 0 and (journal.live == args.target or args.manual)
    if journal.attempt != args.attempt or not (done or flips == 1):
        raise Refused(_MOVED.format(live=journal.live or "nothing", generation=journal.generation))


def _must_be_same(journal: Journal, before: Journal) -> None:
    if (journal.generation, journal.attempt) != (before.generation, before.attempt):
        raise Refused(_MOVED.format(live=journal.live or "nothing", generation=journal.generation))


def _note(edge: Edge, phase: Phase, target: Colour | None, generation: int, terms: Terms | None = None) -> None:
    """Write the phase down, unless the world has moved on."""
    state.change(
        edge,
        lambda journal: journal.at_phase(phase, target, now(), terms) if journal.generation == generation else journal,
    )


_MOVED = (
    "Another deployment has been at work since this one was planned: {live} is live, generation {generation}. "
    "This one has changed nothing. Run the same command again; it will be planned anew."
)
