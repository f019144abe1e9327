"""The cost of the monitoring as a table: for a terminal, and for docs/benchmarks.md."""

import statistics
from collections.abc import Sequence

from rich.table import Table

from tools.benchmarks.cost import MIB, Cost, Part
from tools.benchmarks.report import line

BEGIN = "<!-- cost of the monitoring: written by `make bench` -->"
HEAD = ("part", "memory, MiB", "processors at rest", "processors under load")


def rows(found: Cost) -> list[tuple[str, ...]]:
    """A part in a row, and all of them in the last one."""
    parts = [*found.parts.items(), ("all", _sum(list(found.parts.values())))]
    return [(name, f"{part.memory / MIB:.0f}", f"{part.rest:.3f}", f"{part.busy:.2f}") for name, part in parts]


def table(found: Cost) -> Table:
    made = Table(*HEAD, caption=_speed(found))
    for row in rows(found):
        made.add_row(*row)
    return made


def markdown(found: Cost, command: str, machine: Sequence[str]) -> str:
    lines = [
        f"Command: `{command}`",
        "",
        *(f"- {fact}" for fact in machine),
        f"- {_speed(found)}",
        "",
        line(HEAD),
        line(["---", *("---:" for _ in HEAD[1:])]),
        *map(line, rows(found)),
    ]
    return "\n".join(lines) + "\n"


def _speed(found: Cost) -> str:
    rate = statistics.median(own.rate for own in found.watched)
    lost = sum(own.lost for own in [*found.watched, *found.alone])
    return (
        f"The edge answers {rate:,.0f} requests a second with the monitoring, {found.rate:.0%} of what it does while "
        f"all of its parts are paused; p99 is {found.p99:.2f} times as long. {lost} requests were lost."
    )


def _sum(parts: Sequence[Part]) -> Part:
    return Part(
        memory=sum(part.memory for part in parts),
        rest=sum(part.rest for part in parts),
        busy=sum(part.busy for part in parts),
    )
