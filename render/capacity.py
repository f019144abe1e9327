"""How many workers, connections and bodies the edge has room for, in the CPUs and the memory of its container."""

import math
from dataclasses import dataclass

from settings.edge import Edge

_CONNECTION = 48 * 1024  # bytes; an idle client takes 25 kB (measured), the rest is for requests in flight
_MOST = 8192  # of one worker, which may open 20,000 files
_BODY = 256 * 1024  # bytes; the largest body that the edge holds whole (nginx/snippets/body.conf.j2)
_BODIES = 8  # bodies take one part in so many of the memory


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """`workers`, the `connections` of each worker, and the bytes of memory counted for a `connection`. While the edge
    works on fewer than `buffered` requests, it holds bodies of up to 256 KiB whole."""

    workers: int
    connections: int
    connection: int
    buffered: int


def capacity(edge: Edge) -> Capacity:
    workers = math.ceil(edge.cpus)
    return Capacity(
        workers=workers,
        connections=min(_MOST, edge.memory // _CONNECTION // workers),
        connection=_CONNECTION,
        buffered=_round(edge.memory // _BODIES // _BODY),
    )


def below(number: int) -> str:
    """A regular expression for the numbers from 1 to below `number`, of which only the first digit is not 0."""
    first, more = int(str(number)[0]), len(str(number)) - 1
    shorter = [rf"\d{{1,{more}}}"] if more else []
    same = [rf"[1-{first - 1}]\d{{{more}}}"] if first > 1 else []
    return "|".join(shorter + same)


def _round(number: int) -> int:
    """The number with only its first digit: 128 is 100."""
    digits = str(number)
    return int(digits[0] + "0" * (len(digits) - 1))
