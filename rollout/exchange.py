"""A release that exchanges paths, where settings of the edge name the same paths.

`api.paths` travels with a release. `edge.apiKeys.<id>.paths`, `edge.webSocketPaths` and `edge.completionPaths` do not:
they hold for both colours at once. If one update puts a new path in the place of an old one, the old path is closed on
the live colour while clients still use it there, and again after a rollback.
"""

from collections.abc import Iterable

from rollout.arguments import Look
from rollout.colours import release_of
from rollout.plan import Observed, Plan
from workloads.way import Way


def exchange(made: Plan, seen: Observed, look: Look) -> Plan:
    """The plan `made`, or a refusal of a release that would close paths of the live colour."""
    live = seen.journal.live if seen.journal else None
    replicas = seen.colours[live] if live else ()
    way = replicas[0].way if replicas else None
    if made.refusal or way is None or release_of(replicas) == made.release:
        return made
    lost = [line for where, paths in look.narrowed.items() if (line := _lost(where, paths, way, look.wanted.way))]
    if not lost:
        return made
    return Plan(
        refusal=f"Release {made.release} would close paths of {live}, which is live with release "
        f"{release_of(replicas) or 'of several kinds'}: these settings hold for both colours at once.\n"
        + "\n".join(lost)
        + "\nNothing was changed. Make two updates: first add the new paths to api.paths and to these settings, and "
        "keep the old ones. Then remove the old ones from all of them, when no client asks for them any more."
    )


def _lost(where: str, paths: tuple[str, ...], running: Way, wanted: Way) -> str:
    """What is to be said of the setting `where`, which is to name `paths`; empty where nothing is lost.

    A setting that only names fewer paths than before is what its author wants.
    """
    new = [path for path in paths if not _meet(path, running.paths)]
    old = [path for path in running.paths if not path.startswith(wanted.paths) and not _meet(path, paths)]
    if not new or not old:
        return ""
    return f"{where} names {', '.join(new)}, which is not open there yet, and not {', '.join(old)}, which is."


def _meet(path: str, others: Iterable[str]) -> bool:
    """Whether one of the URL prefixes is a part of the other."""
    return any(path.startswith(other) or other.startswith(path) for other in others)
