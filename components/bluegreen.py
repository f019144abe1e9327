"""Releases without loss: a workload in two colours behind the edge."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_docker as docker

from components.container import ContainerArgs, container
from components.edge import Edge
from components.service import Host, Service, files_of, needed_by
from components.step import step
from rollout.arguments import Asked, Before, Place, Preflight, Release, Smoke, Terms
from rollout.plan import Plan
from settings import Settings
from settings.api import CHAT, EMBEDDING, MOST_REPLICAS
from settings.api_secret import FOLDER
from workloads import ollama
from workloads.api import colour_workloads
from workloads.colour import COLOURS, Colour
from workloads.secrets import volume_prefix
from workloads.stack import Stack
from workloads.storage import Mount, Volume
from workloads.workload import Workload


@dataclass(frozen=True, kw_only=True)
class BlueGreenArgs:
    """`plan` is the one that `release_plan` made of what it saw on the host.

    `stack` has the replicas of each colour, in order: each carries the labels `orca.colour` and `orca.release` (the id
    of its release), and is named `<service>-<colour>`, further ones with `-2` and so on. A release begins when `edge`
    is configured, the `services` that the replicas depend on are ready, and what it comes `after` is done. Smoke
    request and terms are those of `settings.api` and `settings.rollout`; the way to a colour is in the labels of its
    replicas.
    """

    settings: Settings
    host: Host
    stack: Stack
    plan: Plan
    edge: Edge
    services: Mapping[str, Service]
    after: Sequence[pulumi.Resource] = ()


class BlueGreen(pulumi.ComponentResource):
    """A workload that is released by filling the idle colour, gating it, and flipping the edge over to it.

    Pulumi type `orca:rollout:BlueGreen`; makes a `docker.Container` for each replica of each colour that exists, the
    step `preflight` before those that are made anew, and the step `rollout` that ends with the wanted release live.
    With `api.before` it makes that one-shot and its step, which come before `preflight`. The containers of a colour
    that is not to be made anew are declared, but never touched.
    """

    live: pulumi.Output[str]
    """The colour that requests go to."""
    release: pulumi.Output[str]
    """The id of the release that it runs."""
    image: pulumi.Output[str]
    """The image that it runs."""

    def __init__(self, name: str, args: BlueGreenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:rollout:BlueGreen", name, {}, opts)
        self._name, self._args = name, args
        self._place = place(args.stack)
        needed = needed_by(args.stack.colours["blue"][0], args.services)
        self._after = [args.host.images, args.edge, *needed, *args.after]
        plan = args.plan
        before = self._before()
        preflight = self._preflight(plan, before)
        containers = [
            self._container(workload, plan, preflight)
            for colour in COLOURS
            for workload in self._workloads(colour, plan)
        ]
        rollout = self._rollout(plan, [*self._after, *containers])
        found: pulumi.Output[dict[str, str]] = rollout.stdout.apply(json.loads)
        self.live, self.release, self.image = found["live"], found["release"], found["image"]
        self.register_outputs({"live": self.live, "release": self.release, "image": self.image})

    def _before(self) -> list[pulumi.Resource]:
        """The one-shot of `api.before` and the step that runs it, once for a release."""
        args, work = self._args, self._args.stack.before
        wanted = args.settings.api.before
        if work is None or wanted is None:
            return []
        name = f"{self._name}-before"
        made = container(
            name,
            ContainerArgs(workload=work, networks=args.host.networks, volumes=args.host.storage.volumes),
            self._options(touched=True, depends_on=[*self._after, *files_of(args.host, work)]),
        )
        argument = Before(
            place=self._place,
            release=args.plan.release,
            container=work.name,
            pids=work.resources.pids,
            timeout=wanted.timeout,
            advice=work.advice,
        )
        options = self._options(touched=True, depends_on=[made])
        return [step(f"{name}-run", "rollout step before", args.settings, argument, options)]

    def _preflight(self, plan: Plan, before: Sequence[pulumi.Resource]) -> pulumi.Resource:
        args = self._args
        return step(
            f"{self._name}-preflight",
            "rollout step preflight",
            args.settings,
            Preflight(
                place=self._place,
                colour=plan.create or plan.target,
                release=plan.release,
                generation=plan.generation - plan.flips,
                attempt=plan.attempt,
                drain_timeout=args.settings.rollout.drain_timeout,
                config=args.edge.config,
                needs=_needed_to_run(args.stack),
            ),
            # The standby is untouched until the one-shot has succeeded.
            self._options(touched=plan.create is not None, depends_on=[*self._after, *before]),
        )

    def _workloads(self, colour: Colour, plan: Plan) -> tuple[Workload, ...]:
        """The replicas of a colour: the wanted ones if it is made anew, else those that exist."""
        args = self._args
        wanted = args.stack.colours[colour]
        names = plan.declared.get(colour)
        if colour == plan.create or names == ():
            return wanted
        # Pulumi makes a container that is not touched anew after all if it replaces a network: then the container needs
        # the address of its own number. There may be more or fewer of them than are wanted. The secrets are those in
        # use: Pulumi must not remove their volume first.
        mounts = tuple(
            Mount(volume=Volume(name=name), path=FOLDER) for name in secret_volumes(args.settings, plan, colour)
        )
        numbered = {replica.name: replica for replica in colour_workloads(args.settings, colour, MOST_REPLICAS)}
        return tuple(replace(numbered[name], files=(), mounts=mounts) for name in names or () if name in numbered)

    def _container(self, workload: Workload, plan: Plan, preflight: pulumi.Resource) -> docker.Container:
        """One replica. Its attempt is in its labels, so that a container which is to be made anew really is."""
        args, touched = self._args, plan.rebuilds or workload.labels["orca.colour"] == plan.create
        labels = {"orca.attempt": str(plan.attempt)}
        return container(
            f"{self._name}-{workload.name.removeprefix(f'{self._place.service}-')}",
            ContainerArgs(
                workload=replace(workload, labels={**workload.labels, **labels}),
                networks=args.host.networks,
                volumes=args.host.storage.volumes,
            ),
            self._options(touched=touched, depends_on=[preflight, *files_of(args.host, workload)]),
        )

    def _rollout(self, plan: Plan, after: Sequence[pulumi.Resource]) -> Any:
        settings = self._args.settings
        rollout, smoke = settings.rollout, settings.api.smoke
        return step(
            f"{self._name}-rollout",
            "rollout step release",
            settings,
            Release(
                place=self._place,
                target=plan.target,
                release=plan.release,
                generation=plan.generation,
                attempt=plan.attempt,
                manual=rollout.promote == "manual",
                terms=Terms(
                    passes=rollout.gate_passes,
                    watch=rollout.watch,
                    error_ratio=float(rollout.error_ratio),
                    smoke=Smoke(**smoke.model_dump()) if smoke else None,
                ),
                gate_timeout=rollout.gate_timeout,
                pids=settings.api.pids,
                asked=asked(settings),
            ),
            self._options(touched=not plan.frozen, depends_on=after),
        )

    def _options(self, *, touched: bool, depends_on: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self, depends_on=list(depends_on), ignore_changes=None if touched else ["*"]
        )


def secret_volumes(settings: Settings, plan: Plan, colour: Colour) -> list[str]:
    """The volumes with secrets that the containers of a colour have, which are not made anew."""
    found = plan.volumes.get(colour, ()) if colour in plan.declared else ()
    return [name for name in found if name.startswith(volume_prefix(settings))]


def kept_volumes(settings: Settings, plan: Plan) -> set[str]:
    """Those of both colours."""
    return {name for colour in COLOURS for name in secret_volumes(settings, plan, colour)}


def _needed_to_run(stack: Stack) -> tuple[str, ...]:
    """The names of the containers that must run for a replica to pass its gate."""
    needed = {found.service for found in stack.colours["blue"][0].depends_on}
    return tuple(work.name for work in stack.services if work.service in needed and not work.one_shot)


def place(stack: Stack) -> Place:
    """Where the stack's releases happen."""
    return Place(edge=stack.edge.name, service=stack.colours["blue"][0].name.removesuffix("-blue"))


def asked(settings: Settings) -> Asked:
    """Which model the smoke request asks."""
    return Asked(
        server=ollama.server(settings).name,
        first=settings.ollama_models[0].reference,
        preload=tuple(model.shown for model in settings.preloaded),
        otherwise=Smoke(**EMBEDDING.model_dump()) if settings.api.smoke == CHAT else None,
    )
