"""The results as a table: for a terminal, and for docs/benchmarks.md."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tools.benchmarks.contenders import BLUE, GREEN, Contender
from tools.benchmarks.failed import Failed
from tools.benchmarks.flips import Flipped
from tools.benchmarks.speed import Speed

BEGIN, END = "<!-- results: written by `make bench` -->", "<!-- end of results -->"


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of a run by contender. `speed` also has the backend alone, as "backend".

    `machine` describes the machine in words, `command` is the command of the run.
    """

    command: str
    machine: Sequence[str]
    contenders: Sequence[Contender]
    flipped: Mapping[str, Flipped]
    speed: Mapping[str, Speed]


Row = tuple[str, list[str]]


def rows(results: Results) -> list[Row]:
    """The table: one measure in a row, one contender in a column."""
    names = [contender.name for contender in results.contenders]
    flipped = [results.flipped[name] for name in names]
    speed, alone = [results.speed[name] for name in names], results.speed["backend"]
    return [
        ("flips, there and back", [str(len(found.flips)) for found in flipped]),
        ("commands that failed first", [str(sum(flip.failed for flip in found.flips)) for found in flipped]),
        ("requests sent", [f"{len(found.result):,}" for found in flipped]),
        ("lost POST, kept connection", [_lost(found, "keepalive") for found in flipped]),
        ("lost POST, new connection", [_lost(found, "fresh") for found in flipped]),
        ("lost GET, new connection", [_lost(found, "get") for found in flipped]),
        ("truncated streams", [_lost(found, "stream") for found in flipped]),
        ("wrong colour after the command", [f"{len(found.wrong()):,}" for found in flipped]),
        ("flip, ms: median, worst", [_times(found.waits(GREEN)) for found in flipped]),
        ("rollback, ms: median, worst", [_times(found.waits(BLUE)) for found in flipped]),
        ("the whole command, ms: median", [_ms(_command(found)) for found in flipped]),
        (f"throughput ({alone.rate:,.0f}/s alone)", [f"{own.rate_ratio:.0%}, {own.rate:,.0f}/s" for own in speed]),
        (f"p99 ({_ms(alone.p99)} ms alone)", [f"{own.p99_ratio:.1f} x, {_ms(own.p99)} ms" for own in speed]),
        (
            f"first event ({_ms(alone.first)} ms alone)",
            [f"{own.first_ratio:.1f} x, {_ms(own.first)} ms" for own in speed],
        ),
        ("lost at full speed", [f"{own.lost:,}" for own in speed]),
        ("wrong colour at full speed", [f"{own.wrong:,}" for own in speed]),
    ]


def table(results: Results) -> Table:
    made = Table("", *(contender.name for contender in results.contenders))
    for label, cells in rows(results):
        made.add_row(label, *cells)
    return made


def markdown(results: Results) -> str:
    names = [contender.name for contender in results.contenders]
    lines = [
        f"Command: `{results.command}`",
        "",
        *(f"- {line}" for line in results.machine),
        *(f"- {contender.name}: {contender.software}" for contender in results.contenders),
        "",
        line(["", *names]),
        line(["---", *("---:" for _ in names)]),
        *(line([label, *cells]) for label, cells in rows(results)),
    ]
    return "\n".join(lines) + "\n"


def write(text: str, file: Path, begin: str) -> None:
    """Write the results between the marker `begin` of a file and the next end. Raises Failed as `check` does."""
    before, after = check(file, begin)
    file.write_text(f"{before}{begin}\n\n{text}\n{END}{after}")


def check(file: Path, begin: str) -> tuple[str, str]:
    """The text before and after the markers of a file. Raises Failed if the file has none or cannot be read."""
    try:
        before, _, rest = file.read_text().partition(begin)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}. Nothing was started.") from None
    _, found, after = rest.partition(END)
    if not found:
        raise Failed(f"{file} has no place for results: a line `{begin}`, then a line `{END}`. Nothing was started.")
    return before, after


def _lost(found: Flipped, kind: str) -> str:
    own = found.result.of(kind)
    return f"{len(own.lost):,} of {len(own):,}"


def _command(found: Flipped) -> float:
    return statistics.median(flip.done - flip.begin for flip in found.flips)


def _times(seconds: Sequence[float]) -> str:
    return f"{_ms(statistics.median(seconds))}, {_ms(max(seconds))}" if seconds else "none"


def _ms(seconds: float) -> str:
    if math.isinf(seconds):
        return "never"
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f}"


def line(cells: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return "| " + " | ".join(cells) + " |"
