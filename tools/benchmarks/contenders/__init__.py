"""The ways to switch between two backends that are compared, one a file."""

from dataclasses import dataclass
from pathlib import Path

BLUE, GREEN = "1", "2"
"""What the backend of each colour says of itself in X-Version."""

Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A proxy with TLS in front of both backends, with blue live, and what an operator types to switch it.

    `forth` makes green live and `back` blue again; `tidy`, if there is one, is run after each `back` and not counted.
    `url` is the published address, `direct` (host:port) that of the proxy's container, `ca` a PEM file.
    """

    name: str
    software: str
    url: str
    direct: str
    ca: Path
    forth: Command
    back: Command
    tidy: Command = ()
