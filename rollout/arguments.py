"""What the steps of a release are told, each in one argument (engine/arguments.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.arguments import Ready
from workloads.colour import Colour
from workloads.way import Way


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a release happens: `edge` is the name of the edge's container, the colours' are `<service>-<colour>`."""

    edge: str
    service: str

    @property
    def stack(self) -> str:
        """The name of the stack that all of these belong to."""
        return self.service.removesuffix("-api")


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """The real request; the answer's text must hold `expect`. `timeout` in seconds, to its end."""

    method: str
    path: str
    body: str
    expect: str
    timeout: float


MODEL = "{model}"
"""In the body of a smoke request: the name of a model that can answer it."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which model a smoke request asks: one that can answer it, as the container `server` of the model server says, or
    the `first` of the list where that one says nothing. The models of `preload` come before the others. `otherwise` is
    sent where no model can chat; None for nothing else."""

    server: str
    first: str
    preload: tuple[str, ...] = ()
    otherwise: Smoke | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a release goes live under: gate passes, seconds of watch, the ratio of failed requests that undoes it, and
    the request that gate and watch send, None for none."""

    passes: int
    watch: int
    error_ratio: float
    smoke: Smoke | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release that is to go live: its id, the `way` to it, and the id that it had in version 0.1, `former`: the way
    was no part of that."""

    release: str
    former: str
    way: Way


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is planned against: what is `wanted`; `network`, the wanted range of the one between the edge and the API;
    `narrowed`, the paths that settings of the edge name within the wanted ones, by key; `last_live`, `last_release` and
    `last_host` are what the stack's outputs say of the last update (`Last` in rollout/plan.py). An edge that does not
    run has left its state in `volume`, where a container of its `image` looks. `manual`: a person promotes. `preview`:
    nothing will be done, and the host may be unreachable. `meant` are the containers that are meant to run besides the
    colours, in the order in which they can start; one that was stopped is started and waited for, if it has a test.
    `patience` is the longest wait for a live colour that was stopped, in seconds.
    """

    place: Place
    wanted: Wanted
    network: str
    narrowed: Mapping[str, tuple[str, ...]]
    last_live: Colour | None
    last_release: str
    volume: str
    image: str
    manual: bool
    preview: bool
    last_host: str | None = None
    meant: tuple[Ready, ...] = ()
    patience: float = 60


@dataclass(frozen=True, kw_only=True)
class Before:
    """The one-shot `container` must succeed before `release` is made, within `timeout` seconds. `pids` is its limit of
    processes; `advice` is what a person does when it fails."""

    place: Place
    release: str
    container: str
    pids: int
    timeout: float
    advice: str


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """`colour` is made anew for `release`. `generation` is what the journal has now, `attempt` what it will have.
    `config` is the id of the edge's configuration for the new containers. Those need the containers `needs`."""

    place: Place
    colour: Colour
    release: str
    generation: int
    attempt: int
    drain_timeout: float
    config: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Release:
    """`target` is to run `release` and to be live; `generation` and `attempt` are what the journal has then.

    `manual`: stop after the gate, for a person to promote it. `pids` is the limit of processes of each container,
    `gate_timeout` in seconds.
    """

    place: Place
    target: Colour
    release: str
    generation: int
    attempt: int
    manual: bool
    terms: Terms
    gate_timeout: float
    pids: int
    asked: Asked
