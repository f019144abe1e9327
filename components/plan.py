"""The plan of an update: what is live is seen on the host, before Pulumi touches anything there."""

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from components.bluegreen import place
from components.ports import ports_are_free
from components.service import readiness
from engine.address import of_stack
from engine.arguments import Ready
from engine.errors import CommandError
from rollout.arguments import Look, Wanted
from rollout.begin import begin
from rollout.hint import for_stack
from rollout.plan import Plan
from rollout.sentence import sentence
from settings import Settings
from workloads import api
from workloads.places import STATE
from workloads.stack import Stack

_READS = 5


def release_plan(settings: Settings, stack: Stack) -> Plan:
    """What this update has to do so that the release of these settings is live.

    To be called before the first resource is registered: from then on Pulumi may be replacing the edge, which holds
    the state that is read here. Says the plan in a sentence. Raises `pulumi.RunError` when the release is refused, a
    port of the edge is taken, or the state is that of a stack with another name.
    """
    last = _last_outputs()
    if refusal := renamed(last.get("stack"), pulumi.get_stack()):
        raise pulumi.RunError(refusal)
    ports_are_free(settings, stack)  # before an update claims the state: a refused one has disturbed nobody
    look = Look(
        place=place(stack),
        wanted=Wanted(
            release=api.current_release(settings), former=api.former_release(settings), way=api.way(settings.api)
        ),
        network=str(stack.networks["app-network"].subnet),
        narrowed=settings.narrowed,
        last_live=last.get("live") or None,
        last_release=last.get("release") or "",
        last_host=None if last.get("dockerHost") == (settings.docker_host or "") else last.get("dockerHost"),
        volume=next(mount.volume.name for mount in stack.edge.mounts if mount.path == STATE),
        image=stack.edge.image,
        manual=settings.rollout.promote == "manual",
        preview=pulumi.runtime.is_dry_run(),
        meant=_meant(stack),
        patience=settings.rollout.gate_timeout,
    )
    try:
        plan = begin(look, of_stack(settings.docker_host))
    except CommandError as error:
        raise pulumi.RunError(for_stack(str(error), pulumi.get_stack())) from None
    if plan.note:
        pulumi.log.warn(for_stack(plan.note, pulumi.get_stack()))
    if plan.refusal:
        raise pulumi.RunError(for_stack(plan.refusal, pulumi.get_stack()))
    say = pulumi.log.warn if plan.rebuilds else pulumi.log.info
    say(sentence(plan))
    return plan


def renamed(then: str | None, now: str) -> str:
    """Why a stack whose last update was under the name `then` cannot be updated as `now`; empty if it can. Everything
    on the host has the stack's name: under another one the update would replace all of it, the releases too."""
    if then in (None, "", now):
        return ""
    return (
        f"This stack was {then} at its last update, and everything on the host has that name. As {now}, an update "
        "would remove what serves. Nothing was changed. Give the stack its name back: "
        f"`pulumi stack rename {then} --stack {now}`. "
        "For another name, set up a second stack (docs/operations.md, Move to another host)."
    )


def _meant(stack: Stack) -> tuple[Ready, ...]:
    """What is meant to run besides the colours. The update waits for the edge and for what the API needs alone."""
    served = (*stack.edge.depends_on, *stack.colours["blue"][0].depends_on)
    needed = {stack.edge.service, *(found.service for found in served)}
    running = [work for work in (*stack.services, stack.edge) if not work.one_shot]
    return tuple(readiness(work, wait=work.service in needed) for work in running)


def _last_outputs() -> Mapping[str, Any]:
    """The outputs of this stack's last update, by the engine's own invoke behind StackReference: a plan is needed while
    the program runs, and the outputs of a StackReference resource come later."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for attempt in range(_READS):
        try:
            found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value or {}
            break
        except Exception as error:  # the SDK raises nothing more specific
            # A backend of plain files may be read while this very update writes to it.
            if "checkpoint" not in str(error) or attempt == _READS - 1:
                raise
            time.sleep(0.2)
    outputs: Mapping[str, Any] = found.get("outputs") or {}
    return outputs
