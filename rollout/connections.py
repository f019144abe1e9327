"""Requests in flight, counted: the connections from the edge to a colour's addresses, without the idle ones.

The kernel lists the connections in /proc/net/tcp of the edge's container. The edge may keep idle ones
(rollout/kept.py). A colour that gets no requests has none left after `api.keepAlive`, so a drain waits for that long at
least, and its count is exact. For a colour that gets requests, the edge says how many it works on.
"""

import re
import time
from collections.abc import Callable, Iterable

from engine.client import say
from engine.edge import Edge
from rollout.claim import Claim
from rollout.colours import Colours, Replica
from workloads import places
from workloads.colour import Colour, other

_OPEN = {"01", "02"}  # ESTABLISHED and SYN_SENT, in include/net/tcp_states.h
_COUNT = f"cat /proc/net/tcp; curl -sS --max-time 2 --unix-socket {places.ADMIN_SOCKET} http://edge/requests || :"
_WORKING = re.compile(r"Writing: (\d+)")  # on this request too (https://nginx.org/r/stub_status)
_SPEAK_EVERY = 10  # seconds
_IDLE = 1  # seconds after api.keepAlive in which a busy edge closes an idle connection


def in_flight(table: str, addresses: Iterable[str]) -> int:
    """The open connections to any of `addresses` (IPv4) in the text of a /proc/net/tcp."""
    wanted = {_hex(address) for address in addresses}
    rows = (line.split() for line in table.splitlines()[1:])
    return sum(row[2].split(":")[0] in wanted and row[3] in _OPEN for row in rows if len(row) > 3)


def count(edge: Edge, replicas: Iterable[Replica]) -> int:
    """The connections to these replicas: their requests in flight, and idle ones."""
    return in_flight(
        edge.must(["cat", "/proc/net/tcp"]), [address for replica in replicas for address in replica.addresses]
    )


def by_colour(edge: Edge, colours: Colours, live: Colour) -> dict[Colour, int]:
    """The requests in flight on each colour, of which `live` may have idle connections."""
    said = edge.must(["sh", "-c", _COUNT])
    counts = {
        colour: in_flight(said, [address for replica in replicas for address in replica.addresses])
        for colour, replicas in colours.items()
    }
    if working := _WORKING.search(said):  # an edge of version 0.1 does not say it, and keeps no connection
        here = int(working[1]) - 1 - counts[other(live)]
        counts[live] = min(counts[live], max(0, here))
    return counts


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
    timeout = max(timeout, *(replica.way.keep_alive + _IDLE for replica in replicas if replica.way), 0)
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
