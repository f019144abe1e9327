"""The state of the edge on the host: the marker that decides which colour is live, and the journal beside it.

Both lie in the edge's state volume. The file `green` is the marker: green is live if it is there, blue if it is not,
and nginx asks for it on every request. So a flip is one rename or one unlink. A third file, `claim`, says who may
write (rollout/claim.py). It is no part of the journal, which an older version of this program can therefore still read.
Every write is a compare-and-swap of all three under a lock that dies with its holder; the journal is flushed to the
disk before it is renamed into place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.client import Result
from engine.edge import Edge
from engine.errors import NeedsPerson, Refused
from rollout.journal import MISSING, Journal, now, parse
from rollout.report import EVENTS, METRICS, events, metrics
from workloads import places
from workloads.colour import Colour

if TYPE_CHECKING:
    import docker

CLAIM = "claim"
# The tools of Debian and of busybox alike.
_LOOK = f"""
live=blue; if [ -f green ]; then live=green; fi
sum=none; if [ -e journal.json ]; then sum=$(sha256sum <journal.json); fi
claim=; if [ -f {CLAIM} ]; then read -r claim <{CLAIM} || :; fi
seen="$live ${{sum%% *}} $claim"
"""
_READ = f"""
cd {places.STATE} || exit
{_LOOK}
printf '%s\\n' "$seen"
cat journal.json 2>/dev/null || :
"""
_NOTHING = "blue none \n"  # what it prints where there is neither marker nor journal
_CHANGED, _LOCKED = 76, 75
_WRITE = f"""
set -eu
umask 022
cd {places.STATE}
exec 9>lock
timeout 10 flock 9 || exit {_LOCKED}
{_LOOK}
[ "$seen" = "$EXPECTED" ] || exit {_CHANGED}
if [ -n "$JOURNAL" ]; then
printf %s "$JOURNAL" >journal.new
sync journal.new
fi
if [ -n "$CLAIM" ]; then
printf '%s\\n' "$CLAIM" >{CLAIM}.new
mv -T {CLAIM}.new {CLAIM}
fi
case $MARKER in
green) : >green.new; mv -T green.new green ;;
blue) rm -f green ;;
esac
if [ -n "$JOURNAL" ]; then mv -T journal.new journal.json; fi
sync .
# For those who watch. A release does not depend on it.
if [ -n "$METRICS" ]; then printf %s "$METRICS" >{METRICS}.new && mv -T {METRICS}.new {METRICS} || :; fi
if [ -n "$EVENTS" ]; then
if [ -e {EVENTS} ] && [ "$(wc -c <{EVENTS})" -gt 1000000 ]; then mv -T {EVENTS} {EVENTS}.1 || :; fi
printf '%s\\n' "$EVENTS" >>{EVENTS} || :
fi
"""
_TRIES = 5

Run = Callable[[str, dict[str, str]], Result]
"""Runs a shell script with these variables as root in the edge's container, and gives its exit code and its errors."""


class TakenOver(Refused):
    """A newer deployment, or a person, has claimed the state: nothing is changed from then on."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What was read, or written, last. `where` names the place for a person; `token` names exactly this state, for the
    compare-and-swap. `journal` agrees with the marker; it is None where there is none to read, and `damage` says why.
    `claim` is empty where nobody has claimed the state yet.
    """

    where: str
    marker: Colour
    journal: Journal | None
    token: str
    claim: str = ""
    damage: str = ""

    @property
    def known(self) -> Journal:
        """The journal where one is needed. Raises NeedsPerson when there is none to read."""
        if self.journal is None:
            raise NeedsPerson(
                f"In {self.where} {self.damage}; {self.marker} is live, and requests are served. Nothing was changed. "
                "Run `python -m rollout repair`, then the same command again."
            )
        return self.journal


def read(edge: Edge) -> State:
    return _parsed(_where(edge), edge.must(["sh", "-c", _READ]))


def read_and(edge: Edge, script: str) -> tuple[State, str]:
    """The state, and the words that a shell script prints. The script runs in the edge's container after the look at
    the state, and has the live colour in `$live`."""
    seen, _, said = edge.must(["sh", "-c", f"{_READ}\necho\necho $({script})"]).removesuffix("\n").rpartition("\n")
    return _parsed(_where(edge), seen), said


def _where(edge: Edge) -> str:
    return f"{edge.name}:{places.STATE}"


def read_without_edge(client: "docker.DockerClient", volume: str, image: str) -> State | None:
    """The state in `volume`, looked at by a container of `image` that lives for that long. None where it cannot be."""
    from docker.errors import DockerException, NotFound
    from docker.types import LogConfig

    try:
        client.volumes.get(volume)  # an engine makes a volume that is mounted and not there
    except NotFound:
        return _parsed(volume, _NOTHING)
    except DockerException:
        return None
    try:
        seen = client.containers.run(
            image,
            [_READ],
            entrypoint=["/bin/sh", "-c"],
            user="0",
            volumes={volume: {"bind": places.STATE, "mode": "ro"}},
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            # Of what it prints, other drivers would tell nothing.
            log_config=LogConfig(type=LogConfig.types.JSON),
            remove=True,
        )
    except DockerException:
        return None
    return _parsed(volume, seen.decode(errors="replace"))


def _parsed(where: str, seen: str) -> State:
    """What `_READ` has printed."""
    token, _, text = seen.partition("\n")
    live, digest, claim = token.split(" ", 2)
    marker: Colour = "green" if live == "green" else "blue"
    journal, damage = None, MISSING
    if digest != "none":
        try:
            journal, damage = parse(text).repaired(marker, now()), ""
        except ValueError:
            damage = "the journal cannot be read"
    return State(where=where, marker=marker, journal=journal, token=token, claim=claim, damage=damage)


def must_stand(claim: str, found: State) -> None:
    """Raises `TakenOver` if another claim stands in `found`."""
    if found.claim != claim:
        live, generation = (found.journal.live, found.journal.generation) if found.journal else (found.marker, 0)
        raise TakenOver(
            f"Another deployment has been at work since this one began, and has taken over: {live or 'nothing'} is "
            f"live, generation {generation}. This one stops; it has changed nothing further."
        )


def take(edge: Edge, id: str, seen: State) -> bool:
    """Put the claim `id` in the place of whichever stands. False if someone has written since `seen`, and nothing is
    changed then. Raises NeedsPerson when nothing could be written."""
    written = _write(_runner(edge), seen, claim=id)
    if written.code not in (0, _CHANGED):
        raise _unwritten(edge, written, seen)
    return written.code == 0


def change(
    edge: Edge,
    transition: Callable[[Journal], Journal],
    *,
    under: str | None = None,
    claim: str = "",
    seen: State | None = None,
    instead: Journal | None = None,
    run: Run | None = None,
) -> State:
    """Write what `transition` makes of the journal, and move the marker if the live colour differs.

    `seen` is the state as the caller knows it; when someone else has written since, it is read again and `transition`
    is asked again: it checks what it relies on, and raises if that no longer holds. `instead` stands in for a journal
    that cannot be read. `under` is the claim that must stand, None for whichever; `claim`, if not empty, takes its
    place. `run` runs the script that writes. Raises TakenOver when another claim than `under` stands, and NeedsPerson
    when nothing could be written; the state is then as it was.
    """
    written = Result(code=_CHANGED, stdout="", stderr="")
    state = seen or read(edge)
    for _ in range(_TRIES):
        wanted = transition(state.journal or instead or state.known)
        if under is not None:
            must_stand(under, state)
        marker, text = wanted.live or state.marker, wanted.dump() + "\n"
        moved = marker if marker != state.marker else ""
        told = {"METRICS": metrics(wanted), "EVENTS": events(state.journal, wanted)}
        written = _write(run or _runner(edge), state, journal=text, marker=moved, claim=claim, told=told)
        if written.code == 0:
            standing = claim or state.claim
            token = f"{marker} {sha256(text.encode()).hexdigest()} {standing}"
            return State(where=state.where, marker=marker, journal=wanted, token=token, claim=standing)
        if written.code != _CHANGED:
            break
        state = read(edge)
    raise _unwritten(edge, written, state)


def _write(
    run: Run,
    seen: State,
    *,
    journal: str = "",
    marker: str = "",
    claim: str = "",
    told: Mapping[str, str] = MappingProxyType({"METRICS": "", "EVENTS": ""}),
) -> Result:
    """Write what is not empty, if the state is still as `seen`."""
    return run(_WRITE, {"EXPECTED": seen.token, "JOURNAL": journal, "MARKER": marker, "CLAIM": claim, **told})


def _runner(edge: Edge) -> Run:
    return lambda script, env: edge.run(["sh", "-c", script], user="0", env=env)


def _unwritten(edge: Edge, written: Result, seen: State) -> NeedsPerson:
    after = read(edge)
    why = {_CHANGED: "others keep writing to it", _LOCKED: "another process holds its lock"}.get(
        written.code, written.stderr.strip() or f"exit code {written.code}"
    )
    return NeedsPerson(
        f"The state in {after.where} could not be written: {why}.\n{after.marker} "
        + ("is live, as before" if after.marker == seen.marker else "is live now")
        + ". Make that volume writable again (is the disk full?), then run the same command again."
    )
