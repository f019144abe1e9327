"""The results as a table, on the terminal and in docs/security.md."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.audit.verdict import Verdict

PAGE = Path(__file__).parent.parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def show(verdicts: Mapping[str, Verdict]) -> None:
    """Print the table of all verdicts, then the excused findings, then the failures."""
    table = Table(title="Security audit")
    for column in ("check", "tool", "must hold", "seen", "result"):
        table.add_column(column, overflow="fold")
    for name, one in verdicts.items():
        table.add_row(name, one.tool, one.bar, one.seen, "[green]passed" if one.passed else "[red]FAILED")
    console = Console()
    console.print(table)
    for name, one in verdicts.items():
        for finding, reason in one.excused.items():
            console.print(f"{name}: {finding} is excused: {reason}", style="dim", highlight=False, markup=False)
    for name, one in verdicts.items():
        for failure in one.failures:
            console.print(f"{name}: {failure}", style="bold", highlight=False, markup=False)


def write(verdicts: Mapping[str, Verdict], page: Path = PAGE) -> None:
    """Replace the results on the page. Raises ValueError if the page has no markers."""
    text = page.read_text(encoding="utf-8")
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(f"{text[:before]}\n{_markdown(verdicts)}\n{text[after:]}", encoding="utf-8")


def _markdown(verdicts: Mapping[str, Verdict]) -> str:
    rows = [
        "| check | tool | must hold | seen | result |",
        "|---|---|---|---|---|",
        *(
            f"| `{name}` | {_cell(one.tool)} | {_cell(one.bar)} | {_cell(one.seen)} | "
            f"{'passed' if one.passed else '**failed**: ' + _cell('; '.join(one.failures))} |"
            for name, one in verdicts.items()
        ),
        "",
        "Exceptions that were met:",
        "",
        "| check | finding | why it may stay |",
        "|---|---|---|",
        *(
            f"| `{name}` | {_cell(finding)} | {_cell(reason)} |"
            for name, one in verdicts.items()
            for finding, reason in one.excused.items()
        ),
    ]
    return "\n".join(rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
