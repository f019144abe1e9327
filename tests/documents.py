"""The docs as tests read them."""

import re
from collections.abc import Iterator
from pathlib import Path


def blocks(page: Path) -> Iterator[str]:
    """The indented blocks of a page, each without its indentation."""
    for found in re.finditer(r"(?<=\n\n)((?: {4}.*\n|\n(?= {4}))+)", page.read_text() + "\n"):
        lines = found[1].splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        yield "\n".join(line[indent:] for line in lines).strip("\n")
