"""What an update has to do, from what is seen on the host and what is wanted: a pure function.

| seen                                      | wanted | so                                                          |
|-------------------------------------------|--------|-------------------------------------------------------------|
| nothing live                              | R      | make blue, gate it, make it live                            |
| R is live                                 | R      | nothing                                                     |
| R is live, but misses a container         | R      | as if another release were live                             |
| R is live, but has no container           | R      | make the live colour again, gate it                         |
| Q is live, the idle colour runs R         | R      | gate the idle colour, flip: a rollback touches no container |
| Q is live, the idle colour is other       | R      | preflight, make the idle colour anew, gate it, flip         |
| the live colour is down, the other serves | R      | refuse: a person flips first                                |
| R was rejected                            | R      | refuse                                                      |
| the state is lost, though something lives | R      | refuse                                                      |
| the host is lost: nothing is on it        | R      | as if nothing were live                                     |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rollout.arguments import Wanted
from rollout.colours import Colours, release_of, shortage
from rollout.journal import MISSING, Journal, Rejection
from workloads.colour import COLOURS, Colour, other
from workloads.way import Way


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is seen on the host. `edge` is the engine's word for the state of the proxy, `absent` if there is none.
    `damage` says why `journal` is None; it is empty where neither marker nor journal could be looked at. `answering`
    are the colours of which a replica answers its readiness path; where that cannot be asked, both."""

    edge: str = "running"
    marker: Colour = "blue"
    journal: Journal | None = None
    damage: str = ""
    colours: Colours = field(default_factory=lambda: dict.fromkeys(COLOURS, ()))
    answering: frozenset[Colour] = frozenset(COLOURS)

    @property
    def names(self) -> dict[Colour, tuple[str, ...]]:
        """The containers of the colours that have any."""
        return {colour: tuple(replica.name for replica in found) for colour, found in self.colours.items() if found}


@dataclass(frozen=True, kw_only=True)
class Last:
    """What the stack's outputs say of the last update: the live colour, its release, and `host`, the `dockerHost` of
    then if it is another now; empty for none, None for the same or an unknown one."""

    live: Colour | None = None
    release: str = ""
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`target` is to be live in the end, with the journal at `generation` and `attempt`; `create` is the colour whose
    containers are made anew; `flips` says whether the live colour changes. `declared` are the colours that exist
    besides, by the names of their containers; without names they have as many as the settings say. `ways` are those of
    the colours that exist and are not made anew, as far as they are known; `volumes` are those that each colour has
    mounted. `release` is the id under which the host knows the wanted release. `waits`: after the gate a person
    promotes it. `frozen`: nothing of the release may be touched. `rebuilds`: Pulumi makes every container anew, because
    the networks move (rollout/rebuild.py). A `refusal` ends the update before anything is changed; a `note` is for the
    person who reads along. `running` are the names of the stack's containers that run when the update begins.
    """

    target: Colour = "blue"
    create: Colour | None = None
    flips: bool = False
    generation: int = 0
    attempt: int = 0
    declared: Mapping[Colour, tuple[str, ...]] = field(default_factory=dict)
    ways: Mapping[Colour, Way] = field(default_factory=dict)
    volumes: Mapping[Colour, tuple[str, ...]] = field(default_factory=dict)
    release: str = ""
    waits: bool = False
    frozen: bool = False
    rebuilds: bool = False
    refusal: str = ""
    note: str = ""
    running: frozenset[str] = frozenset()


def known_as(colours: Colours, wanted: Wanted) -> str:
    """The id of the wanted release, as it is known where version 0.1 released it."""
    there = [replica for replicas in colours.values() for replica in replicas]
    former = any(replica.release == wanted.former and replica.way == wanted.way for replica in there)
    return wanted.former if former else wanted.release


def plan(seen: Observed, last: Last, wanted: str, *, manual: bool = False) -> Plan:
    """`wanted` is a release id. `manual`: a person promotes, so the update itself does not flip."""
    if seen.journal is None:
        return _without_journal(seen, last) if seen.edge == "running" else _without_edge(seen, last, wanted)
    made = _with_journal(seen, seen.journal, wanted, manual=manual)
    if seen.edge == "running":
        return made
    if made.refusal:
        served = seen.journal.releases.get(seen.journal.live or seen.marker, last.release)
        return replace(
            made,
            refusal=f"{made.refusal}\nThe edge is {seen.edge}, so no request is answered: bring it back first, with "
            f"the configuration of release {served} and `pulumi up --refresh`.",
        )
    note = f"The edge is {seen.edge}. If this update does not make it anew, `pulumi up --refresh` does."
    return replace(made, note=f"{note}\n{made.note}".strip())


def plan_unseen(last: Last, wanted: str, why: str, *, manual: bool = False) -> Plan:
    """The plan of a preview that cannot reach the host: the stack's last outputs stand in for what would be seen."""
    note = f"{why}\nThis preview takes the stack's last outputs for the truth; the update will look again."
    if last.live is None:
        return Plan(target="blue", create="blue", flips=True, generation=1, attempt=1, note=note)
    if last.release == wanted:
        return Plan(target=last.live, declared=dict.fromkeys(COLOURS, ()), frozen=True, note=note)
    idle = other(last.live)
    return Plan(target=idle, create=idle, flips=not manual, waits=manual, declared={last.live: ()}, note=note)


def _with_journal(seen: Observed, journal: Journal, wanted: str, *, manual: bool) -> Plan:
    runs = {colour: release_of(seen.colours[colour]) for colour in seen.names}
    live = journal.live
    if live is None:
        target: Colour = seen.marker
        made = runs.get(target) == wanted and journal.phase != "starting"
        return _step(seen, target=target, create=None if made else target, flips=True)
    if live not in runs:
        return _without_live(seen, journal, live, wanted)

    idle = other(live)
    unfinished = journal.phase == "starting" and journal.target == idle
    served = idle in runs and idle in seen.answering and live not in seen.answering
    short = shortage(seen.colours[live]) if runs[live] == wanted else ""
    # A release that was rejected and made live by hand is not brought anywhere.
    if runs[live] == wanted and (not short or journal.rejection(wanted)):
        if unfinished and served:
            return Plan(refusal=served_by_other(live, "does not answer"))
        if unfinished and idle in runs:
            note = f"An update was cut off while it made {idle}; {idle} becomes a standby of the live release."
            return _step(seen, target=live, create=idle, flips=False, note=note)
        missing = shortage(seen.colours[idle])
        note = f"{idle} has {missing} containers. The next release makes {idle} anew." if missing else ""
        return _step(seen, target=live, create=None, flips=False, note=note)
    if rejection := journal.rejection(wanted):
        return Plan(refusal=_rejected(rejection, f"{live} is live with release {runs[live]}"))
    note = f"{live} has {short} containers. So {idle} takes its place, with all containers of release {wanted}."
    note = note if short else ""
    if runs.get(idle) == wanted and not unfinished and not shortage(seen.colours[idle]):
        return _step(seen, target=idle, create=None, flips=not manual, note=note, waits=manual)
    if served:
        return Plan(refusal=served_by_other(live, "does not answer"))
    return _step(seen, target=idle, create=idle, flips=not manual, note=note, waits=manual)


def _step(
    seen: Observed, *, target: Colour, create: Colour | None, flips: bool, waits: bool = False, note: str = ""
) -> Plan:
    journal = seen.journal or Journal()
    return Plan(
        target=target,
        create=create,
        flips=flips,
        generation=journal.generation + flips,
        attempt=journal.attempt + (create is not None),
        declared={colour: found for colour, found in seen.names.items() if colour != create},
        waits=waits,
        note=note,
    )


def _without_edge(seen: Observed, last: Last, wanted: str) -> Plan:
    if last.live is None:
        return Plan(target="blue", create="blue", flips=True, generation=1, attempt=1)
    if not seen.names and seen.damage == MISSING:
        return _without_anything(seen, last, last.live)
    if last.release == wanted:
        return Plan(
            target=last.live,
            declared={last.live: (), **seen.names},
            frozen=True,
            note=f"The edge is {seen.edge}; the colours are left as they are. `pulumi up --refresh` brings it back.",
        )
    return Plan(
        refusal=f"The edge is {seen.edge}, so no release can be gated or made live; nothing was changed. Bring it back "
        f"with the configuration of release {last.release} and `pulumi up --refresh`, then release {wanted}."
    )


def _without_anything(seen: Observed, last: Last, live: Colour) -> Plan:
    """Neither journal nor colour is on the engine, though `live` was live: the host is lost, or this is another one."""
    if last.host is not None:
        return Plan(
            refusal=f"The last update was on {last.host or 'the engine of DOCKER_HOST'}. On the engine that dockerHost "
            "names now there is neither the API nor a journal of releases. Nothing was changed. Put dockerHost back: "
            "another host needs another stack (docs/operations.md, Move to another host)."
        )
    # Pulumi may know the steps of a first release by these very numbers, but not for this colour.
    target = other(live)
    note = (
        f"{live} was live, but the engine has neither the API nor a journal of releases. If it is the right one, then "
        "this is a first release. `pulumi up --refresh --replace '**::images'` makes anew all that is gone "
        "(docs/operations.md, A host that was set up anew)."
    )
    return _step(seen, target=target, create=target, flips=True, note=note)


def _without_journal(seen: Observed, last: Last) -> Plan:
    exists = [colour for colour in COLOURS if seen.colours[colour]]
    if not exists and seen.damage == MISSING:
        if last.live:
            return _without_anything(seen, last, last.live)
        return _step(seen, target=seen.marker, create=seen.marker, flips=True)
    named = f"the stack's outputs name {last.live} as live" if last.live else "the state once named a live colour"
    return Plan(
        refusal=f"The state of releases is lost ({seen.damage}), though "
        + (f"containers of {' and '.join(exists)} exist" if exists else named)
        + f".\nNothing was changed; nginx asks {seen.marker} first, and requests are served. "
        "Run `python -m rollout repair`, then the same command again."
    )


def served_by_other(live: Colour, why: str) -> str:
    """The refusal where the colour that is not live answers all requests: nobody may take it away."""
    idle = other(live)
    return (
        f"{live} is live but {why}: requests go to {idle}. Nothing was changed. Make {idle} "
        f"the live colour with `python -m rollout flip --to {idle}`, then run the same command again."
    )


def _rejected(found: Rejection, served: str) -> str:
    return (
        f"Release {found.release} was rejected at {found.at}: {found.reason}.\n"
        f"Nothing was changed; {served}. Change the configuration, or allow the release again with "
        f"`python -m rollout allow {found.release}`, then run the same command again."
    )


def _without_live(seen: Observed, journal: Journal, live: Colour, wanted: str) -> Plan:
    """The live colour has no container: a stranger has removed it, or a destroy that was cut off. Its own release is
    made again. Another one would get requests before its gate, so it is made only where the other colour is down, and
    never if it was rejected."""
    idle = other(live)
    if journal.releases.get(live) != wanted:
        if rejection := journal.rejection(wanted):
            return Plan(refusal=_rejected(rejection, f"{live} is live and has no container"))
        if idle in seen.names and idle in seen.answering:
            return Plan(refusal=served_by_other(live, "has no container"))
    return _step(seen, target=live, create=live, flips=False)
