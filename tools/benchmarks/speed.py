"""How much a proxy takes away: throughput and latency through it, beside those of the backend alone."""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.benchmarks.contenders import BLUE, Contender
from tools.benchmarks.host import Backends
from tools.lab.load.client import LoadClient, Mix, Result

ROUNDS = 5
CONNECTIONS = 16
# As fast as answers come; and the same number of requests a second for everyone, well below that, where a latency is
# not the length of a queue.
CLOSED = Mix(keepalive=f"{CONNECTIONS}@0s")
PACED = Mix(keepalive=f"{CONNECTIONS}@10ms")
_WARM_UP = 0.5  # seconds


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Answers a second in a closed loop, and the 99th percentile of the latency in seconds when paced; both with their
    ratio to the backend alone. Medians of all rounds; `lost` counts what was no answer, and `wrong` the answers of a
    colour that was not live: a proxy that falls back to its standby under load is fast, and answers wrongly."""

    rate: float
    rate_ratio: float
    p99: float
    p99_ratio: float
    lost: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one contender did in one round; as in `Speed`, without the ratios."""

    rate: float
    p99: float
    lost: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class _Target:
    url: str
    ca: Path
    dial: str
    live: str


def speeds(
    load: LoadClient, contenders: Sequence[Contender], live: Mapping[str, str], backends: Backends, seconds: float
) -> Mapping[str, Speed]:
    """The speed of each contender by its name, and of the backend by the name "backend"; `live` has the version that is
    live with each.

    Everyone is asked at the address of its container: Docker's own proxy for published loopback ports would be measured
    with them otherwise. The rounds are interleaved, so that a machine that slows down does so for all.
    """
    targets = {"backend": _Target(url=f"http://{backends.direct}", ca=contenders[0].ca, dial="", live=BLUE)}
    targets |= {
        found.name: _Target(url=found.url, ca=found.ca, dial=found.direct, live=live[found.name])
        for found in contenders
    }
    rounds: dict[str, list[Round]] = {name: [] for name in targets}
    for _ in range(ROUNDS):
        for name, target in targets.items():
            rounds[name].append(_measure(load, target, seconds))
    return {name: _speed(rounds[name], rounds["backend"]) for name in targets}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def measured(closed: Result, paced: Result, seconds: float, live: str) -> Round:
    """The round in which these requests ended, as fast as answers came and paced, each within `seconds`."""
    everything = [*closed.requests, *paced.requests]
    return Round(
        rate=(len(closed) - len(closed.lost)) / seconds,
        p99=percentile([request.end - request.start for request in paced.requests], 0.99),
        lost=len(closed.lost) + len(paced.lost),
        wrong=sum(request.version not in (live, "") for request in everything),
    )


def _measure(load: LoadClient, target: _Target, seconds: float) -> Round:
    closed, paced = (_sent(load, target, mix, seconds) for mix in (CLOSED, PACED))
    return measured(closed, paced, seconds, target.live)


def _sent(load: LoadClient, target: _Target, mix: Mix, seconds: float) -> Result:
    """What ended between the warm-up and `seconds` later."""
    with load.run(target.url, target.ca, mix, dial=target.dial) as running:
        time.sleep(_WARM_UP)
        begin = time.time()
        time.sleep(seconds)
    sent = running.end().requests
    return Result([request for request in sent if begin < request.end < begin + seconds])


def _speed(own: Sequence[Round], alone: Sequence[Round]) -> Speed:
    pairs = list(zip(own, alone, strict=True))
    return Speed(
        rate=statistics.median(found.rate for found in own),
        rate_ratio=statistics.median(found.rate / base.rate for found, base in pairs),
        p99=statistics.median(found.p99 for found in own),
        p99_ratio=statistics.median(found.p99 / base.p99 for found, base in pairs),
        lost=sum(found.lost for found in own),
        wrong=sum(found.wrong for found in own),
    )
