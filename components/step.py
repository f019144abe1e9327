"""Steps that run next to the engine while Pulumi applies, as `python3 -m <module> <words>`.

A step is a `command.Command`, so a failed one is run again by the next `pulumi up`. Its inputs hold nothing of the
machine that runs it: the same stack previewed from another checkout shows no change.
"""

from typing import Any

import pulumi
from pulumi_command import local

from engine.arguments import VARIABLE, write
from settings import Settings


def step(
    name: str,
    run: str,
    settings: Settings,
    argument: Any,
    opts: pulumi.ResourceOptions,
    *,
    again: pulumi.Input[str] = "",
) -> local.Command:
    """Run `run` (module and words) once now, and again whenever its argument or `again` changes.

    `argument` is one of the dataclasses of engine/arguments.py or rollout/arguments.py, or an output of one. The step's
    standard output is the resource's `stdout`; what else it says is shown as it comes.
    """
    text = argument.apply(write) if isinstance(argument, pulumi.Output) else write(argument)
    return local.Command(
        name,
        create=f"python3 -m {run}",
        environment={VARIABLE: text, "AGAIN": again, **_engine(settings)},
        logging=local.Logging.STDERR,
        opts=opts,
    )


def _engine(settings: Settings) -> dict[str, str]:
    """The environment in which a step finds the stack's engine."""
    return {"DOCKER_HOST": settings.docker_host} if settings.docker_host else {}
