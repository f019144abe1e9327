"""How an update begins: it starts what was stopped, sees what is, plans, and claims the state that it planned from."""

from collections.abc import Mapping
from dataclasses import replace

from engine.address import Address
from engine.client import connect_quickly
from engine.edge import Edge
from engine.errors import NeedsPerson, of_engine
from engine.quick import Engine
from rollout import state
from rollout.arguments import Look
from rollout.claim import new_id
from rollout.colours import volumes_of
from rollout.exchange import exchange
from rollout.observe import observe
from rollout.plan import Last, Observed, Plan, known_as, plan, plan_unseen
from rollout.rebuild import rebuild
from rollout.state import State, TakenOver
from rollout.stopped import as_started, find_stopped, start, would_start

_TRIES = 5


def begin(look: Look, address: Address) -> Plan:
    """The plan of an update against the engine at `address`, claimed.

    An update first starts what somebody has stopped by hand; a preview says so, and plans as if it ran. A preview
    claims nothing, and neither does an update that is refused. A preview of an engine that cannot be reached is made
    from the stack's last outputs; an update raises NeedsPerson then.
    """
    last = Last(live=look.last_live, release=look.last_release, host=look.last_host)
    try:
        client = connect_quickly(address)
        stopped, running = find_stopped(client, look)
        if look.preview:
            said, started = would_start(stopped), frozenset(stopped)
        else:
            said, started = start(address, look, stopped)
        made = _claimed(client, address, look, last, stopped if look.preview else {})
        return replace(made, note="\n".join(filter(None, [said, made.note])), running=running | started)
    except NeedsPerson as error:
        why = str(error)
    except OSError as error:
        why = f"{of_engine(error)}\nNothing was changed; at most, an update has started what was stopped."
    if not look.preview:
        raise NeedsPerson(why)
    unseen = plan_unseen(last, look.wanted.release, why, manual=look.manual)
    # As the last update has left them.
    return replace(unseen, release=look.wanted.release, running=frozenset(meant.container for meant in look.meant))


def _claimed(client: Engine, address: Address, look: Look, last: Last, stopped: Mapping[str, str]) -> Plan:
    """The plan, made as if what is `stopped` ran.

    An edge that does not run cannot be claimed: then no step of another deployment can change anything either. An
    update whose first look was followed by another claim is refused: that one is newer.
    """
    first: State | None = None
    for _ in range(_TRIES):
        seen, found = observe(client, address, look)
        made = _planned(as_started(seen, stopped, look.place.edge), last, look)
        if look.preview or made.refusal or found is None or seen.edge != "running":
            return made
        first = first or found
        try:
            state.must_stand(first.claim, found)
            if state.take(Edge(client, look.place.edge), new_id(), found):
                return made
        except TakenOver as error:
            return Plan(refusal=f"{error} Run the same command again; it will be planned anew.")
        except NeedsPerson as error:
            # Where there is nothing to release, nothing needs to be written; a release's own steps say it again.
            return replace(made, note=f"{error}\n{made.note}".strip())
    raise NeedsPerson(
        f"The state of releases in {look.place.edge} changes faster than it can be planned for. Nothing was changed; "
        "run the same command again."
    )


def _planned(seen: Observed, last: Last, look: Look) -> Plan:
    wanted = known_as(seen.colours, look.wanted)
    made = plan(seen, last, wanted, manual=look.manual)
    ways = {
        colour: replicas[0].way
        for colour, replicas in seen.colours.items()
        if colour != made.create and replicas and replicas[0].way
    }
    volumes = {colour: names for colour, replicas in seen.colours.items() if (names := volumes_of(replicas))}
    made = replace(made, release=wanted, ways=ways, volumes=volumes)
    return exchange(rebuild(made, seen, look), seen, look)
