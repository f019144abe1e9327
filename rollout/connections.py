"""Requests in flight, counted: the edge opens a connection for each, and closes it with the answer's end.

There is no keep-alive between the edge and a colour (nginx/conf.d/60-upstreams.conf.j2), so the connections from the
edge to a colour's addresses are its requests in flight. The kernel lists them in /proc/net/tcp of the edge's container.
"""

import time
from collections.abc import Callable, Iterable

from engine.client import say
from engine.edge import Edge
from rollout.claim import Claim
from rollout.colours import Replica

_OPEN = {"01", "02"}  # ESTABLISHED and SYN_SENT, in include/net/tcp_states.h
_SPEAK_EVERY = 10  # seconds


def in_flight(table: str, addresses: Iterable[str]) -> int:
    """The open connections to any of `addresses` (IPv4) in the text of a /proc/net/tcp."""
    wanted = {_hex(address) for address in addresses}
    rows = (line.split() for line in table.splitlines()[1:])
    return sum(row[2].split(":")[0] in wanted and row[3] in _OPEN for row in rows if len(row) > 3)


def count(edge: Edge, replicas: Iterable[Replica]) -> int:
    """The requests in flight on these replicas."""
    return in_flight(
        edge.must(["cat", "/proc/net/tcp"]), [address for replica in replicas for address in replica.addresses]
    )


def drained(
    claim: Claim,
    replicas: tuple[Replica, ...],
    timeout: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Wait until these replicas have no request in flight; return how many are left when the time is up. Raises
    TakenOver within two seconds of another claim."""
    begin = clock()
    said = begin - _SPEAK_EVERY
    while (left := count(claim.edge, replicas)) and (now := clock()) - begin < timeout:
        if now - said >= _SPEAK_EVERY:
            say(f"drain {now - begin:.0f}/{timeout:.0f} s: {left} in flight on {replicas[0].colour}")
            said = now
        sleep(0.5)
        claim.look()
    return left


def _hex(address: str) -> str:
    """An IPv4 address as the kernel prints it on a little-endian machine: 10.0.0.1 is 0100000A."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
