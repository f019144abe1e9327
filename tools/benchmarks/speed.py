"""The cost of a proxy: throughput and latency through it, compared with the backend alone."""

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
SECONDS = 1.0
"""The usual length of a measurement."""
CONNECTIONS = 16
# Throughput is measured as fast as answers come. Latency is measured with the same, much lower, number of requests a
# second for every contender, so that it is not the length of a queue.
CLOSED = Mix(keepalive=f"{CONNECTIONS}@0s")
PACED = Mix(keepalive=f"{CONNECTIONS}@10ms")
# A stream of two events, the second one a tenth of a second behind the first, over a new connection each.
STREAMS = Mix(stream=f"{CONNECTIONS}@10ms", stream_path="/v1/stream?seconds=0")
_WARM_UP = 0.5  # seconds


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Answers a second in a closed loop, the 99th percentile of the latency in seconds with pauses, and the median of
    the seconds to the first event of a stream; each with its ratio to the backend alone. Medians of all rounds.

    `lost` counts requests without an answer. `wrong` counts answers
    of the colour that is not live: a proxy that uses its standby under load is fast, but its answers are wrong."""

    rate: float
    rate_ratio: float
    p99: float
    p99_ratio: float
    first: float
    first_ratio: float
    lost: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """The speed of one contender in one round: as in `Speed`, without the ratios."""

    rate: float
    p99: float
    first: float
    lost: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where load is sent to: the URL, the CA behind it, the address to connect to, and the version that is live."""

    url: str
    ca: Path
    dial: str
    live: str


def speeds(
    load: LoadClient, contenders: Sequence[Contender], live: Mapping[str, str], backends: Backends, seconds: float
) -> Mapping[str, Speed]:
    """The speed of each contender by its name, and of the backend by the name "backend"; `live` has the version that is
    live with each.

    The client uses the addresses of the containers, so that Docker's proxy for published ports is not measured. The
    rounds are interleaved, so that a slower machine slows all contenders down.
    """
    targets = {"backend": Target(url=f"http://{backends.direct}", ca=contenders[0].ca, dial="", live=BLUE)}
    targets |= {
        found.name: Target(url=found.url, ca=found.ca, dial=found.direct, live=live[found.name]) for found in contenders
    }
    rounds: dict[str, list[Round]] = {name: [] for name in targets}
    for _ in range(ROUNDS):
        for name, target in targets.items():
            rounds[name].append(measure(load, target, seconds))
    return {name: _speed(rounds[name], rounds["backend"]) for name in targets}


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile by nearest rank: the smallest value that is not below that share of all values."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def measured(closed: Result, paced: Result, streams: Result, seconds: float, live: str) -> Round:
    """A round from its requests: those of the closed loop, those with pauses, and streams, each for `seconds`."""
    everything = [*closed.requests, *paced.requests, *streams.requests]
    return Round(
        rate=(len(closed) - len(closed.lost)) / seconds,
        p99=percentile([request.end - request.start for request in paced.requests], 0.99),
        first=statistics.median(stream.first - stream.start for stream in streams.requests if stream.outcome == "ok"),
        lost=len(closed.lost) + len(paced.lost) + len(streams.lost),
        wrong=sum(request.version not in (live, "") for request in everything),
    )


def measure(load: LoadClient, target: Target, seconds: float) -> Round:
    """One round: the closed loop, then requests with pauses, then streams, each for `seconds`."""
    closed, paced, streams = (_sent(load, target, mix, seconds) for mix in (CLOSED, PACED, STREAMS))
    return measured(closed, paced, streams, seconds, target.live)


def _sent(load: LoadClient, target: Target, mix: Mix, seconds: float) -> Result:
    """The requests that ended within `seconds` after the warm-up."""
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
        first=statistics.median(found.first for found in own),
        first_ratio=statistics.median(found.first / base.first for found, base in pairs),
        lost=sum(found.lost for found in own),
        wrong=sum(found.wrong for found in own),
    )
