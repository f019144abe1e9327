"""Step `release`: the way of a colour from running to live. Gate, flip, watch; or whatever of that is still to do.

Every part leaves its mark in the journal, so a step that was killed is continued by the next one.
"""

from dataclasses import dataclass, replace

import docker

from engine.client import find, say
from engine.edge import Edge
from engine.errors import Refused
from engine.ready import limit_pids
from rollout import state
from rollout.arguments import Release, Terms
from rollout.claim import Claim, standing
from rollout.colours import Colours, Replica, find_colours, release_of
from rollout.flip import flip
from rollout.gate import gate
from rollout.journal import Journal, Phase, now
from rollout.smoke import of_a_model
from rollout.watch import Requests, Watched, watch
from workloads.colour import Colour


@dataclass(frozen=True, kw_only=True)
class Live:
    """What is live when a step is done."""

    live: Colour
    release: str
    image: str


def release(client: docker.DockerClient, args: Release) -> Live:
    """Raises Refused when the state has moved on since the plan, TakenOver when it did so since the step began; Undone
    when the gate or the watch failed."""
    edge = Edge(client, args.place.edge)
    with standing(edge) as claim:
        colours = find_colours(client, args.place.service)
        for replica in (*colours["blue"], *colours["green"]):
            container = find(client, replica.id)
            if container and container.attrs["HostConfig"]["PidsLimit"] != args.pids:
                limit_pids(client, container, args.pids)
        journal = claim.read().known
        _must_be_planned(journal, args)
        smoke = of_a_model(client, args.terms.smoke, args.asked)
        args = replace(args, terms=replace(args.terms, smoke=smoke))
        if journal.generation == args.generation and journal.live == args.target:
            _finish(client, claim, args, colours, journal)
        else:
            _bring_up(client, claim, args, colours, journal)
    return live(client, edge, args.place.service)


def live(client: docker.DockerClient, edge: Edge, service: str) -> Live:
    """What is live now, as the host says."""
    marker = state.read(edge).marker
    replicas = find_colours(client, service)[marker]
    return Live(live=marker, release=release_of(replicas), image=replicas[0].image if replicas else "")


def go_live(
    client: docker.DockerClient,
    claim: Claim,
    service: str,
    replicas: tuple[Replica, ...],
    terms: Terms,
    before: Journal,
    reason: str,
) -> None:
    """Flip to `replicas`, which have passed the gate, and watch them. `before` is the journal this was decided on."""
    new = replicas[0]
    # The first release of all is not watched: there is nothing to go back to.
    requests = Requests(client, claim.edge, replicas) if terms.watch and before.live else None
    # Version 0.1 reads no journal with a smoke request; one that waits for a person's `promote` has it already, and
    # the same `promote` goes on with this watch.
    noted = terms if before.phase == "waiting" else replace(terms, smoke=None)

    def onward(journal: Journal) -> Journal:
        _must_be_same(journal, before)
        at = now()
        flipped = journal.flipped(new.colour, new.release, reason, at)
        return flipped.at_phase("watching", new.colour, at, noted) if requests else flipped

    after = flip(claim, new.colour, onward)
    if requests:
        watched = Watched(service=service, replicas=replicas, generation=after.generation, terms=terms)
        _see_through(client, claim, watched, requests)


def _see_through(client: docker.DockerClient, claim: Claim, watched: Watched, requests: Requests) -> None:
    """Watch, then note that nothing is under way any more."""
    try:
        watch(client, claim, watched, requests)
    finally:
        requests.close()
    _note(claim, "done", None, watched.generation)


def watch_on(
    client: docker.DockerClient,
    claim: Claim,
    service: str,
    replicas: tuple[Replica, ...],
    generation: int,
    terms: Terms,
) -> None:
    """Watch from its beginning what went live with `generation`, for its watch was cut off."""
    watched = Watched(service=service, replicas=replicas, generation=generation, terms=terms)
    _see_through(client, claim, watched, Requests(client, claim.edge, replicas))


def _bring_up(client: docker.DockerClient, claim: Claim, args: Release, colours: Colours, journal: Journal) -> None:
    _note(claim, "gating", args.target, journal.generation)
    replicas = _gated(client, claim, args, colours)
    if args.manual and journal.live is not None:
        _note(claim, "waiting", args.target, journal.generation, args.terms)
        say(f"{args.target} has passed the gate and waits: `make promote` makes release {args.release} live")
        return
    go_live(client, claim, args.place.service, replicas, args.terms, journal, "release")


def _finish(client: docker.DockerClient, claim: Claim, args: Release, colours: Colours, journal: Journal) -> None:
    """The target is live already: see to its end what an update before this one has left."""
    if journal.phase == "watching" and journal.terms:
        replicas = _replicas(args, colours)
        say(f"{args.target} is live; an update before this one was cut off while it watched it")
        # The journal keeps a smoke request only where a person promotes.
        terms = replace(journal.terms, smoke=args.terms.smoke)
        watch_on(client, claim, args.place.service, replicas, journal.generation, terms)
    elif journal.phase != "done":
        if journal.target == args.target:
            # It had no containers left and has new ones: there is nothing to flip, but something to wait for.
            _gated(client, claim, args, colours)
        _note(claim, "done", None, journal.generation)


def _gated(client: docker.DockerClient, claim: Claim, args: Release, colours: Colours) -> tuple[Replica, ...]:
    """The replicas of the target, which have passed the gate."""
    replicas = _replicas(args, colours)
    gate(
        client,
        claim,
        args.place.service,
        replicas,
        needed=args.terms.passes,
        timeout=args.gate_timeout,
        smoke=args.terms.smoke,
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


def _note(claim: Claim, phase: Phase, target: Colour | None, generation: int, terms: Terms | None = None) -> None:
    """Write the phase down, unless the world has moved on."""
    claim.change(
        lambda journal: journal.at_phase(phase, target, now(), terms) if journal.generation == generation else journal
    )


_MOVED = (
    "Another deployment has been at work since this one was planned: {live} is live, generation {generation}. "
    "This one has changed nothing. Run the same command again; it will be planned anew."
)
