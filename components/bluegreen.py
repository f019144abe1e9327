"""Releases without loss: a workload in two colours behind the edge."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pulumi_docker as docker

from components.container import ContainerArgs, container
from components.plan import place
from components.step import step
from rollout.plan import Plan
from settings import Settings
from workloads.colour import COLOURS, Colour
from workloads.workload import Workload


@dataclass(frozen=True, kw_only=True)
class BlueGreenArgs:
    """`edge` is the name of the proxy container, `plan` the one that `release_plan` made of what it saw there.
    `colours` gives the replicas of a colour, in order: each carries the labels `orca.colour` and `orca.release` (the id
    of its release), and is named `<service>-<colour>`, further ones with `-2` and so on. `networks` by their key in the
    settings, `volumes` by their name on the host. `after` must be done before a release begins. Readiness path, smoke
    request and terms are those of `settings.api` and `settings.rollout`.
    """

    settings: Settings
    networks: Mapping[str, docker.Network]
    edge: str
    plan: Plan
    colours: Callable[[Colour], tuple[Workload, ...]]
    volumes: Mapping[str, docker.Volume] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()


class BlueGreen(pulumi.ComponentResource):
    """A workload that is released by filling the idle colour, gating it, and flipping the edge over to it.

    Pulumi type `orca:rollout:BlueGreen`; makes a `docker.Container` for each replica of each colour that exists, the
    step `preflight` before those that are made anew, and the step `rollout` that ends with the wanted release live.
    The containers of a colour that is not to be made anew are declared, but never touched.
    """

    live: pulumi.Output[str]
    """The colour that requests go to."""
    release: pulumi.Output[str]
    """The id of the release that it runs."""
    image: pulumi.Output[str]
    """The image that it runs."""

    def __init__(self, name: str, args: BlueGreenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:rollout:BlueGreen", name, {}, opts)
        wanted = args.colours("blue")[0]
        self._name, self._args = name, args
        self._where = place(args.edge, wanted)
        plan = args.plan
        if plan.note:
            pulumi.log.warn(plan.note, self)
        preflight = self._preflight(plan)
        containers = [
            self._container(workload, plan, preflight)
            for colour in COLOURS
            for workload in self._workloads(colour, plan)
        ]
        rollout = self._rollout(plan, [*args.after, *containers])
        found: pulumi.Output[dict[str, str]] = rollout.stdout.apply(json.loads)
        self.live, self.release, self.image = found["live"], found["release"], found["image"]
        self.register_outputs({"live": self.live, "release": self.release, "image": self.image})

    def _preflight(self, plan: Plan) -> pulumi.Resource:
        rollout = self._args.settings.rollout
        return step(
            f"{self._name}-preflight",
            "rollout step preflight",
            self._args.settings,
            {
                **self._where,
                "COLOUR": plan.create or plan.target,
                "GENERATION": str(plan.generation - plan.flips),
                "ATTEMPT": str(plan.attempt),
                "DRAIN_TIMEOUT": str(rollout.drain_timeout),
            },
            self._options(touched=plan.create is not None, depends_on=self._args.after),
        )

    def _workloads(self, colour: Colour, plan: Plan) -> tuple[Workload, ...]:
        """The replicas of a colour: the wanted ones if it is made anew, else those that exist."""
        wanted = self._args.colours(colour)
        names = plan.declared.get(colour)
        if colour == plan.create or names == ():
            return wanted
        # Of a container that is not touched only the name matters, and there may be more of them than are wanted.
        return tuple(replace(wanted[0], name=name) for name in names or ())

    def _container(self, workload: Workload, plan: Plan, preflight: pulumi.Resource) -> docker.Container:
        """One replica. Its attempt is in its labels, so that a container which is to be made anew really is."""
        args, touched = self._args, workload.labels["orca.colour"] == plan.create
        labels = {"orca.readiness": args.settings.api.readiness, "orca.attempt": str(plan.attempt)}
        return container(
            f"{self._name}-{workload.name.removeprefix(self._where['SERVICE'] + '-')}",
            ContainerArgs(
                settings=args.settings,
                workload=replace(workload, labels={**workload.labels, **labels}),
                networks=args.networks,
                volumes=args.volumes,
            ),
            self._options(touched=touched, depends_on=[preflight]),
        )

    def _rollout(self, plan: Plan, after: Sequence[pulumi.Resource]) -> Any:
        settings = self._args.settings
        rollout = settings.rollout
        return step(
            f"{self._name}-rollout",
            "rollout step release",
            settings,
            {
                **self._where,
                "TARGET": plan.target,
                "GENERATION": str(plan.generation),
                "ATTEMPT": str(plan.attempt),
                "PROMOTE": rollout.promote,
                "GATE_PASSES": str(rollout.gate_passes),
                "GATE_TIMEOUT": str(rollout.gate_timeout),
                "WATCH": str(rollout.watch),
                "ERROR_RATIO": str(rollout.error_ratio),
                "SMOKE": settings.smoke.model_dump_json() if settings.smoke else "null",
                "PIDS": str(settings.api.pids),
            },
            self._options(touched=not plan.frozen, depends_on=after),
        )

    def _options(self, *, touched: bool, depends_on: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self, depends_on=list(depends_on), ignore_changes=None if touched else ["*"]
        )
