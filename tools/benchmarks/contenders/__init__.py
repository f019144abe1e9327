"""The compared ways to switch between two backends, one in a file."""

from dataclasses import dataclass
from pathlib import Path

BLUE, GREEN = "1", "2"
"""The X-Version header of each colour's backend."""

Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A proxy with TLS in front of both backends, and the commands that an operator types to switch it. Blue is live.

    `forth` makes green live, and `back` makes blue live. `tidy`, if any, runs after each `back` and does not count.
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
