"""Steps that run next to the engine while Pulumi applies, as `python3 -m <module> <words>`.

A step is a `command.Command`, so a failed one is run again by the next `pulumi up`. Its inputs hold nothing of the
machine that runs it: the same stack previewed from another checkout shows no change.
"""

from collections.abc import Mapping

import pulumi
from pulumi_command import local

from settings import Settings


def step(
    name: str,
    run: str,
    settings: Settings,
    inputs: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
    *,
    silent: bool = False,
) -> local.Command:
    """Run `run` (module and words) once now, and again whenever one of its `inputs` changes.

    The inputs become the step's environment; its standard output is the resource's `stdout`. What it prints is shown
    as it comes, unless it is `silent`.
    """
    return local.Command(
        name,
        create=_command(run),
        environment={**inputs, **_engine(settings)},
        logging=local.Logging.NONE if silent else local.Logging.STDERR,
        opts=opts,
    )


def observe(run: str, settings: Settings, inputs: Mapping[str, str]) -> local.RunResult:
    """Run `run` at program time, in a preview too. Raises if it fails."""
    return local.run(command=_command(run), environment={**inputs, **_engine(settings)})


def _command(run: str) -> str:
    return f"python3 -m {run}"


def _engine(settings: Settings) -> dict[str, str]:
    return {"DOCKER_HOST": settings.docker_host} if settings.docker_host else {}
