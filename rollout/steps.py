"""The steps of a release, `python3 -m rollout step <name>`; each reads its argument where it arrives."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from engine.arguments import with_engine
from engine.client import say
from engine.errors import CommandError, Usage
from rollout.arguments import Before, Preflight, Release
from rollout.hint import for_stack

if TYPE_CHECKING:
    import docker

T = TypeVar("T", Before, Preflight, Release)
R = TypeVar("R")


def run(name: str) -> None:
    """Run one step. Raises Usage when there is none of that name, or when its argument is missing or wrong."""
    if name not in _STEPS:
        raise Usage(f'There is no step "{name}"; there are {", ".join(_STEPS)}.')
    _STEPS[name]()


def _advising(do: Callable[["docker.DockerClient", T], R]) -> Callable[["docker.DockerClient", T], R]:
    """The step, with the stack's name in the commands that its errors advise."""

    def named(client: "docker.DockerClient", args: T) -> R:
        try:
            return do(client, args)
        except CommandError as error:
            raise type(error)(for_stack(str(error), args.place.stack)) from None

    return named


def _before() -> None:
    from rollout.before import before

    with_engine(_advising(before), Before)


def _preflight() -> None:
    from rollout.preflight import preflight

    with_engine(_advising(preflight), Preflight)


def _release() -> None:
    from rollout.release import release

    live = with_engine(_advising(release), Release)
    print(json.dumps(asdict(live)))
    say(f"{live.live} is live with release {live.release}")


_STEPS: dict[str, Callable[[], None]] = {"before": _before, "preflight": _preflight, "release": _release}
