"""What the steps that finish a container are told, each in one argument; and how an argument reaches its step.

The Pulumi program writes an argument as JSON into the environment of the step, which reads it where it arrives.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from engine.address import of_user
from engine.client import connect
from engine.errors import Usage

if TYPE_CHECKING:
    import docker

T = TypeVar("T")
R = TypeVar("R")
VARIABLE = "STEP"
"""The environment variable that holds a step's argument."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """`pulled` are images of a registry, `built` those that only `images/` makes. Both as containers name them."""

    pulled: tuple[str, ...]
    built: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """`test` is the health check's command, empty for none; `timeout` in seconds; `pids` the limit of processes."""

    container: str
    pids: int
    test: tuple[str, ...]
    timeout: int


@dataclass(frozen=True, kw_only=True)
class RunToEnd:
    """A one-shot. `advice` is what a person does when it fails. `release` changes with whatever it does."""

    container: str
    pids: int
    advice: str
    release: str


@dataclass(frozen=True, kw_only=True)
class Load:
    """`models` are to be in memory, each with the digest that it must have. `gpu` is the GPUs' maker, empty for none;
    `timeout` in seconds for each model."""

    container: str
    models: dict[str, str]
    gpu: str
    timeout: int


@dataclass(frozen=True, kw_only=True)
class Configure:
    """`config` is the id of the configuration below `releases/` in the edge's volume; `certificate` the fingerprint of
    the certificate to be shown then, empty for whichever it is. `production` refuses an nginx with known faults.

    `made_for` are labels by the name of a container. While one of these containers has another value of such a label,
    the edge keeps the configuration that runs: it is the one made for that container.
    """

    container: str
    config: str
    certificate: str = ""
    production: bool = False
    made_for: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def write(argument: Any) -> str:
    """The JSON of a step's argument, a dataclass of plain values: the same text for the same values."""
    return json.dumps(asdict(argument), sort_keys=True)


def with_engine(do: "Callable[[docker.DockerClient, T], R]", kind: type[T]) -> R:
    """Carry the step that runs out. Its argument is read first: what is missing of it is said without an engine."""
    argument = read(kind)
    return do(connect(of_user()), argument)


def read(kind: type[T]) -> T:
    """The argument of the step that runs. Raises Usage when there is none, or one of another kind."""
    from pydantic import TypeAdapter, ValidationError  # a third of a second, which only steps need

    text = os.environ.get(VARIABLE)
    if text is None:
        raise Usage(f"This step needs its argument, a JSON object, in the environment variable {VARIABLE}.")
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise Usage(f"The argument in {VARIABLE} is no {kind.__name__}: {wrong}.") from None
