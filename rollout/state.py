"""The state of the edge on the host: the marker that decides which colour is live, and the journal beside it.

Both lie in the edge's state volume. The file `green` is the marker: green is live if it is there, blue if it is not,
and nginx asks for it on every request. So a flip is one rename or one unlink. Every write is a compare-and-swap under a
lock that dies with its holder; it is flushed to the disk before it is renamed into place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import docker
from docker.errors import DockerException
from docker.types import LogConfig

from engine.client import Result
from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout.journal import Journal, now, parse
from workloads import places
from workloads.colour import Colour

# The tools of Debian and of busybox alike.
_LOOK = """
live=blue; if [ -f green ]; then live=green; fi
sum=none; if [ -e journal.json ]; then sum=$(sha256sum <journal.json); fi
seen="$live ${sum%% *}"
"""
_READ = f"""
cd {places.STATE} || exit
{_LOOK}
printf '%s\\n' "$seen"
cat journal.json 2>/dev/null || :
"""
_CHANGED, _LOCKED = 76, 75
_WRITE = f"""
set -eu
umask 022
cd {places.STATE}
exec 9>lock
timeout 10 flock 9 || exit {_LOCKED}
{_LOOK}
[ "$seen" = "$EXPECTED" ] || exit {_CHANGED}
printf %s "$JOURNAL" >journal.new
sync journal.new
case $MARKER in
green) : >green.new; mv -T green.new green ;;
blue) rm -f green ;;
esac
mv -T journal.new journal.json
sync .
"""
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class State:
    """What was read, or written, last. `where` names the place for a person; `token` names exactly this state, for the
    compare-and-swap. `journal` agrees with the marker; it is None where there is none to read, and `damage` says why.
    """

    where: str
    marker: Colour
    journal: Journal | None
    token: str
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
    return _parsed(f"{edge.container.name}:{places.STATE}", edge.must(["sh", "-c", _READ]))


def read_without_edge(client: docker.DockerClient, volume: str, image: str) -> State | None:
    """The state in `volume`, looked at by a container of `image` that lives for that long. None where it cannot be."""
    try:
        # An engine makes a volume that is mounted and not there.
        client.volumes.get(volume)
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
    marker: Colour = "green" if token.startswith("green") else "blue"
    if token.endswith("none"):
        return State(where=where, marker=marker, journal=None, token=token, damage="the journal is missing")
    try:
        journal = parse(text).repaired(marker, now())
    except ValueError:
        return State(where=where, marker=marker, journal=None, token=token, damage="the journal cannot be read")
    return State(where=where, marker=marker, journal=journal, token=token)


def change(
    edge: Edge,
    transition: Callable[[Journal], Journal],
    *,
    seen: State | None = None,
    instead: Journal | None = None,
) -> State:
    """Write what `transition` makes of the journal, and move the marker if the live colour differs.

    `seen` is the state as the caller knows it; when someone else has written since, it is read again and `transition`
    is asked again: it checks what it relies on, and raises if that no longer holds. `instead` stands in for a journal
    that cannot be read. Raises NeedsPerson when nothing could be written; the state is then as it was.
    """
    written = Result(code=_CHANGED, stdout="", stderr="")
    state = seen or read(edge)
    for _ in range(_TRIES):
        wanted = transition(state.journal or instead or state.known)
        marker = wanted.live or state.marker
        text = wanted.dump() + "\n"
        moved = marker if marker != state.marker else ""
        env = {"EXPECTED": state.token, "JOURNAL": text, "MARKER": moved}
        written = edge.run(["sh", "-c", _WRITE], user="0", env=env)
        if written.code == 0:
            token = f"{marker} {sha256(text.encode()).hexdigest()}"
            return State(where=state.where, marker=marker, journal=wanted, token=token)
        if written.code != _CHANGED:
            break
        state = read(edge)
    after = read(edge)
    why = {_CHANGED: "others keep writing to it", _LOCKED: "another process holds its lock"}.get(
        written.code, written.stderr.strip() or f"exit code {written.code}"
    )
    raise NeedsPerson(
        f"The state in {after.where} could not be written: {why}.\n{after.marker} "
        + ("is live, as before" if after.marker == state.marker else "is live now")
        + ". Make that volume writable again (is the disk full?), then run the same command again."
    )
