"""`containers`: everything that a stack has, as tables."""

from pathlib import Path

from components.stack_file import ROOT, read_stack
from render.containers import tables
from workloads.stack import stack as everything

PAGE = ROOT / "docs" / "containers.md"
_BEGIN, _END = "<!-- tables: written by `make docs` -->\n", "<!-- end of tables -->"


def containers(stack: str, *, write: bool) -> None:
    """Print the tables, or write those of the stack into docs/containers.md. Raises SettingsError."""
    if write:
        PAGE.write_text(page(stack, PAGE), encoding="utf-8")
    else:
        print(tables(everything(read_stack(stack))))


def page(stack: str, file: Path) -> str:
    """The page in `file`, with the tables of a stack in their place."""
    before, begin, rest = file.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{file} has no place for tables: a line {_BEGIN.strip()}, then a line {_END}")
    return f"{before}{begin}\n{tables(everything(read_stack(stack)))}\n\n{end}{after}"
