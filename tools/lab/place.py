"""Where a throwaway stack goes: a name, ports on loopback and a range of addresses that no other one has."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

# Order fixes ports and addresses. All of it is apart from the stacks `dev` and `prod`.
KINDS = ("it", "itk", "itg", "flt", "far", "ed", "eda", "bench", "security-audit", "edv", "mon", "doc", "prd", "prf")
SLOTS = 8
_FIRST_PORT = 18000
_SUBNETS = tuple(IPv4Network("10.80.0.0/12").subnets(new_prefix=20))


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the stack `name` may take of the host."""

    name: str
    http: int
    https: int
    pages: int
    cidr: str

    @property
    def settings(self) -> dict[str, Any]:
        """The groups of a stack's configuration that put it there."""
        edge = {"bind": "127.0.0.1", "httpPort": self.http, "httpsPort": self.https}
        return {"edge": edge, "network": {"cidr": self.cidr}, "pages": {"port": self.pages}}


def slot() -> int:
    """Which of the test processes side by side this is: the number of pytest-xdist's worker, 0 without one."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def own(word: str) -> str:
    """A name that begins with this word and that no other test process uses."""
    return f"{word}{slot() or ''}"


def place(kind: str) -> Place:
    """The place of this process's stack of one of `KINDS`. Raises IndexError beyond `SLOTS` processes."""
    number = KINDS.index(kind) + slot() * len(KINDS)
    http = _FIRST_PORT + 2 * number
    pages = _FIRST_PORT + 2 * SLOTS * len(KINDS) + number
    return Place(name=own(kind), http=http, https=http + 1, pages=pages, cidr=str(_SUBNETS[number]))
