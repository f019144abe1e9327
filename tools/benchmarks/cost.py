"""What the monitoring costs: memory and processor of each part, and the edge's speed with it and without it."""

import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from tools.benchmarks.failed import Failed
from tools.benchmarks.host import EDGE_NETWORK, PLACE, PREFIX, STACK, address, cores
from tools.benchmarks.speed import Round, Target, measure
from tools.lab.load.client import LoadClient
from tools.lab.project import Project, whole
from workloads import alertmanager, blackbox, cadvisor, collector, pages, prometheus, victorialogs

PARTS = tuple(part.SERVICE for part in (prometheus, alertmanager, blackbox, cadvisor, collector, victorialogs, pages))
_VERSION = "1"
_ROUNDS = 10  # of each kind: one round differs from the next by more than the monitoring costs
SECONDS = 3.0
"""The usual length of a measurement: the collector reads once a second, so a shorter one may miss that it does."""
_AT_REST = 30.0
"""Seconds at rest: two looks of Prometheus at every target."""
_CALM = 0.1
"""Processors that all parts together use once they have caught up."""
_PATIENCE = 180.0
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Part:
    """A container of the monitoring: bytes of memory, and processors that it used at rest and under full load."""

    memory: int
    rest: float
    busy: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`parts` by service; `watched` and `alone` are the rounds with the monitoring and with all its parts paused."""

    parts: Mapping[str, Part]
    watched: Sequence[Round]
    alone: Sequence[Round]

    @property
    def rate(self) -> float:
        """The share of the throughput that is left with the monitoring: the median of the pairs of rounds."""
        return statistics.median(own.rate / other.rate for own, other in zip(self.watched, self.alone, strict=True))

    @property
    def p99(self) -> float:
        """How many times longer the 99th percentile of the latency is with the monitoring; a median too."""
        return statistics.median(own.p99 / other.p99 for own, other in zip(self.watched, self.alone, strict=True))


def cost(engine: docker.DockerClient, folder: Path, repository: str, load: LoadClient, seconds: float) -> Cost:
    """Deploy the whole stack, with the small backend as its API, and measure it.

    A paused part uses no processor, and logs wait for it. Before a round with the monitoring, it catches up.
    """
    target = _deployed(engine, folder, repository)
    found = {part: engine.containers.get(f"{PREFIX}{part}") for part in PARTS}
    rest = _processors(found, _calm(found), _AT_REST)
    watched: list[Round] = []
    alone: list[Round] = []
    busy: list[Mapping[str, float]] = []
    for _ in range(_ROUNDS):
        before = _calm(found)
        begun = time.monotonic()
        watched.append(measure(load, target, seconds))
        busy.append(_processors(found, before, since=begun))
        _each(found, Container.pause)
        try:
            alone.append(measure(load, target, seconds))
        finally:
            _each(found, Container.unpause)
    _calm(found)
    memory = {part: _memory(stats) for part, stats in _stats(found).items()}
    parts = {
        part: Part(memory=memory[part], rest=rest[part], busy=statistics.median(used[part] for used in busy))
        for part in PARTS
    }
    return Cost(parts=parts, watched=watched, alone=alone)


def _deployed(engine: docker.DockerClient, folder: Path, repository: str) -> Target:
    base = folder / "whole"
    base.mkdir()
    cpus = str(cores())
    api = {"image": repository, "cpus": cpus, "smoke": False, "env": {"VERSION": _VERSION}, "marksStreams": False}
    more: dict[str, Any] = {"api": api, "edge": {"cpus": cpus, "rateLimit": "off"}, "IMAGE_TAG": _VERSION}
    more["ollama"] = {"cpus": min(4, cores())}  # an engine refuses more than its host has
    project = Project(base, STACK, whole(PLACE, **more, monitoring={}, logging={}))
    try:
        project.pulumi("stack", "init")
        project.up()
        outputs = project.outputs()
    except AssertionError as error:
        raise Failed(f"The stack {STACK} cannot be deployed:\n{error}") from None
    ca = base / "ca.pem"
    ca.write_text(outputs["ca"])
    direct = f"{address(engine, f'{STACK}-nginx', EDGE_NETWORK)}:8443"
    return Target(url=outputs["url"], ca=ca, dial=direct, live=_VERSION)


Stats = Mapping[str, Mapping[str, Any]]


def _calm(found: Mapping[str, Container]) -> Stats:
    """Wait until the parts have caught up; return what they had used by then."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        before = _stats(found)
        if sum(_processors(found, before, 1.0).values()) < _CALM:
            return _stats(found)
    raise Failed(f"The monitoring has not caught up within {_PATIENCE:.0f} s: it is too slow for the load of a round.")


def _processors(
    found: Mapping[str, Container], before: Stats, seconds: float = 0.0, since: float | None = None
) -> dict[str, float]:
    """The processors that each part used from `before` on: for the next `seconds`, or `since` a moment until now."""
    begun = time.monotonic() if since is None else since
    time.sleep(seconds)
    after, passed = _stats(found), time.monotonic() - begun
    return {part: (_used(after[part]) - _used(before[part])) / 1e9 / passed for part in found}


def _stats(found: Mapping[str, Container]) -> Stats:
    with ThreadPoolExecutor(len(found)) as pool:
        read = pool.map(lambda part: part.client.api.stats(part.id, stream=False, one_shot=True), found.values())
        return dict(zip(found, read, strict=True))


def _used(stats: Mapping[str, Any]) -> int:
    return int(stats["cpu_stats"]["cpu_usage"]["total_usage"])


def _memory(stats: Mapping[str, Any]) -> int:
    """As `docker stats` counts: without the cache of files. The field has one name with each version of cgroups."""
    used = stats["memory_stats"]
    cache = used["stats"].get("total_inactive_file", used["stats"].get("inactive_file", 0))
    return int(used["usage"]) - int(cache)


def _each(found: Mapping[str, Container], do: Any) -> None:
    for part in found.values():
        do(part)
