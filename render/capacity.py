"""How many workers and connections the edge has room for, in the CPUs and the memory of its container."""

import math
from dataclasses import dataclass

from settings.edge import Edge

_CONNECTION = 48 * 1024  # bytes; an idle client takes 25 kB (measured), the rest is for requests in flight
_MOST = 8192  # of one worker, which may open 20,000 files


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """`workers`, the `connections` of each worker, and the bytes of memory counted for a `connection`."""

    workers: int
    connections: int
    connection: int


def capacity(edge: Edge) -> Capacity:
    workers = math.ceil(edge.cpus)
    return Capacity(
        workers=workers, connections=min(_MOST, edge.memory // _CONNECTION // workers), connection=_CONNECTION
    )
