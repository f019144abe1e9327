"""What a change of the journal says to those who watch from outside: metrics of the state, and events as lines.

Both are written beside the journal, in the same step (rollout/state.py). Prometheus gets the metrics, the collector
reads the lines.
"""

import getpass
import json
import socket
from collections.abc import Iterator
from datetime import datetime

from rollout.journal import Journal
from workloads.colour import COLOURS, Colour

METRICS, EVENTS = "release.prom", "events.log"
"""The files in the state volume."""


def metrics(journal: Journal) -> str:
    """The state of releases in Prometheus's text format."""
    return "".join(f"{line}\n" for line in _metrics(journal))


def _metrics(journal: Journal) -> Iterator[str]:
    yield from _head("orca_release_colour", "a colour with containers, its release and its role")
    for colour in COLOURS:
        if release := journal.releases.get(colour):
            labels = f'colour="{colour}",release="{release}",role="{_role(journal, colour, release)}"'
            yield f"orca_release_colour{{{labels}}} 1"
    yield from _head("orca_release_flips_total", "changes of the live colour", "counter")
    yield f"orca_release_flips_total {journal.generation}"
    yield from _head("orca_release_phase", "how far a deployment has come")
    yield f'orca_release_phase{{phase="{journal.phase}"}} 1'
    yield from _head("orca_release_updated_timestamp_seconds", "when the state changed last")
    yield f"orca_release_updated_timestamp_seconds {_seconds(journal.updated)}"
    if journal.flips:
        yield from _head("orca_release_flip_timestamp_seconds", "when the live colour changed last")
        yield f"orca_release_flip_timestamp_seconds {_seconds(journal.flips[-1].at)}"
    if journal.rejected:
        yield from _head("orca_release_rejected_timestamp_seconds", "when a release was rejected")
    for found in journal.rejected:
        yield f'orca_release_rejected_timestamp_seconds{{release="{found.release}"}} {_seconds(found.at)}'


def _role(journal: Journal, colour: Colour, release: str) -> str:
    """As `status` says it (rollout/status.py), from the journal alone."""
    if colour == journal.live:
        return "live"
    same = journal.live is not None and release == journal.releases.get(journal.live)
    return "standby" if same or journal.has_been_live(colour, release, older=False) else "unreleased"


def events(before: Journal | None, after: Journal) -> str:
    """What has happened between two journals, a line of JSON for each; empty for nothing."""
    who = {"kind": "rollout", "time": after.updated, "by": f"{_user()}@{socket.gethostname()}"}
    return "\n".join(json.dumps({**who, **event}) for event in _events(before or Journal(), after))


def _events(before: Journal, after: Journal) -> Iterator[dict[str, object]]:
    for flip in after.flips[max(0, len(after.flips) - max(0, after.generation - before.generation)) :]:
        yield {"event": "flip", "from": flip.source, "colour": flip.to, "release": flip.release, "reason": flip.reason}
    for found in after.rejected:
        if found not in before.rejected:
            yield {"event": "rejected", "release": found.release, "reason": found.reason}
    for found in before.rejected:
        if after.rejection(found.release) is None:
            yield {"event": "allowed", "release": found.release}
    if (after.phase, after.target, after.attempt) != (before.phase, before.target, before.attempt):
        target = after.target or after.live
        release = after.releases.get(target, "") if target else ""
        yield {"event": after.phase, "colour": target, "release": release, "generation": after.generation}


def _head(name: str, text: str, kind: str = "gauge") -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp()) if at else 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "unknown"
