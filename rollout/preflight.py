"""Step `preflight`: clear the way for the containers of a colour that are about to be made anew.

It holds the update to what it was planned against, and sees that what the new containers need runs. It waits until the
old containers have no request in flight, and removes them: also those that an update left behind which was killed
before Pulumi had taken note of them. It removes none while the live colour is down and they answer instead. If the new
containers need another configuration of the edge (their port, say), the edge takes it up now: until here the old ones
were the standby.
"""

import time
from collections.abc import Sequence

import docker
from docker.errors import APIError, NotFound

from engine.arguments import Configure
from engine.client import find, not_running, say
from engine.configure import configure, must_have_room
from engine.edge import Edge
from engine.errors import Refused
from rollout.arguments import Preflight
from rollout.claim import Claim, standing
from rollout.colours import Replica, find_colours
from rollout.connections import drained
from rollout.gate import answering
from rollout.journal import Journal, now
from rollout.kept import forget
from rollout.plan import served_by_other
from workloads.colour import other

_STOP = 10  # seconds; it has no request left to end
_CONFLICT = 409  # the engine's answer while another removal of the same container goes on
_GONE = 30  # seconds that another deployment's removal of a container may take


def preflight(client: docker.DockerClient, args: Preflight) -> None:
    """Raises Refused when the state has moved on, when what the new containers need does not run, when there are
    requests in flight to the end of the time, or when the live colour does not answer and this one does; TakenOver
    within two seconds of another claim."""
    edge = Edge(client, args.place.edge)
    with standing(edge) as claim:
        _must_run(client, args.needs)
        fresh = Journal() if (args.generation, args.attempt) == (0, 1) else None
        colours = find_colours(client, args.place.service)
        old = colours[args.colour]
        journal = claim.read().journal or fresh
        if journal:
            _begin(journal, args)
            if old and journal.live == args.colour:
                raise Refused(f"{args.colour} is live; its containers are not removed. Nothing was changed.")
        if old and (left := drained(claim, old, args.drain_timeout)):
            raise Refused(
                f"{args.colour} still has {left} requests in flight after {args.drain_timeout:.0f} s, and they would "
                "be cut. Nothing was changed. Run the same command again when they have ended, or raise "
                "rollout.drainTimeout."
            )
        if old and journal and journal.live == (live := other(args.colour)):
            # The plan's look was before the pull and the drain, which may take long.
            found = answering(edge, colours, live)
            if args.colour in found and live not in found:
                raise Refused(served_by_other(live, "does not answer"))
        other_config = edge.ask("/config") != args.config
        if other_config:
            must_have_room(edge)  # while the old containers are still there
        claim.change(lambda journal: _begin(journal, args), instead=fresh)
        forget(edge, args.colour)
        for replica in old:
            _remove(client, claim, replica)
        if other_config:
            configure(client, Configure(container=args.place.edge, config=args.config))


def _must_run(client: docker.DockerClient, names: Sequence[str]) -> None:
    for name in names:
        container = find(client, name)
        status = container.status if container else "absent"
        if status != "running":
            raise Refused(
                f"{not_running(name, status)} No release can pass its gate without it. Nothing was changed; then run "
                "the same command again."
            )


def _remove(client: docker.DockerClient, claim: Claim, replica: Replica) -> None:
    """Remove this very container. A deployment before this one may be at it still: then wait until it is gone."""
    claim.read()
    try:
        container = client.containers.get(replica.id)
        container.stop(timeout=_STOP)
        container.remove(v=False, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT or not _gone(client, replica):
            raise
    say(f"{replica.name} had nothing in flight and is removed")


def _gone(client: docker.DockerClient, replica: Replica) -> bool:
    deadline = time.monotonic() + _GONE
    while find(client, replica.id):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _begin(journal: Journal, args: Preflight) -> Journal:
    if (journal.generation, journal.attempt) != (args.generation, args.attempt - 1):
        raise Refused(
            "Another deployment has been at work since this one was planned: "
            f"{journal.live or 'nothing'} is live, generation {journal.generation}. This one has changed nothing. "
            "Run the same command again; it will be planned anew."
        )
    return journal.begun(args.colour, args.release, now())
