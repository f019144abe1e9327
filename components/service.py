"""Any workload of the stack, running: its container, and the step that finishes it."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker

from components.container import ContainerArgs, container
from components.former import CONTAINERS, SERVICES, former
from components.step import step
from components.storage import Storage
from engine.arguments import Ready, RunToEnd
from settings import Settings
from workloads.release import release
from workloads.stack import Stack
from workloads.workload import HealthCheck, Workload


@dataclass(frozen=True, kw_only=True)
class Host:
    """What containers need on their host: their images, `networks` by their key in the plan, and the storage. `running`
    are the names of those that run when the update begins (rollout/stopped.py)."""

    images: pulumi.Resource
    networks: Mapping[str, docker.Network]
    storage: Storage
    running: Set[str]


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """`after` must be done before the container is made. `wait`: the health check must pass before anything that
    depends on the service goes on."""

    settings: Settings
    host: Host
    workload: Workload
    after: Sequence[pulumi.Resource] = ()
    wait: bool = True


class Service(pulumi.ComponentResource):
    """A running container with all its limits; or a one-shot, run to its end.

    Pulumi type `orca:docker:Service`; makes a `docker.Container` and the step behind it. The provider never starts a
    one-shot: its step does, so a failed run fails the update and is tried again by the next one. A container that was
    made anew runs again: what an earlier one did may have gone with it.
    """

    container: docker.Container
    output: pulumi.Output[Any]
    """What a one-shot says in its last line of output, JSON; None for any other."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        work = args.workload
        before = pulumi.ResourceOptions(aliases=former(SERVICES, work.service))
        super().__init__("orca:docker:Service", name, {}, pulumi.ResourceOptions.merge(opts, before))
        self.container = container(
            name,
            ContainerArgs(
                workload=work,
                read_once=[args.host.storage.marks[files.volume.name] for files in work.files if files.recreate],
                networks=args.host.networks,
                volumes=args.host.storage.volumes,
            ),
            pulumi.ResourceOptions(
                parent=self,
                depends_on=[*_on_host(args.host, work), *args.after],
                # A refresh notes `mustRun: false` for a container that does not run. Where the update has started it,
                # that is no change; where nothing could start it, it is one, and recreates the container.
                ignore_changes=["mustRun"] if work.name in args.host.running else None,
                aliases=former(CONTAINERS, work.service),
            ),
        )
        if work.one_shot:
            self.output = self._run(name, args).stdout.apply(json.loads)
        else:
            self._ready(name, args)
            self.output = pulumi.Output.from_input(None)
        self.register_outputs({"id": self.container.id})

    def _ready(self, name: str, args: ServiceArgs) -> None:
        argument = readiness(args.workload, wait=args.wait)
        opts = pulumi.ResourceOptions(parent=self)
        step(f"{name}-ready", "engine ready", args.settings, argument, opts, again=self.container.id)

    def _run(self, name: str, args: ServiceArgs) -> Any:
        work = args.workload
        argument = RunToEnd(
            container=work.name, pids=work.resources.pids, advice=work.advice, release=release(work, replicas=1)
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[self.container])
        return step(f"{name}-run", "engine run", args.settings, argument, opts, again=self.container.id)


def services(settings: Settings, stack: Stack, host: Host, opts: pulumi.ResourceOptions) -> Mapping[str, Service]:
    """Every service of the stack's list, running, by its name."""
    made: dict[str, Service] = {}
    for workload in stack.services:
        args = ServiceArgs(settings=settings, host=host, workload=workload, after=needed_by(workload, made))
        made[workload.service] = Service(workload.service, args, opts=opts)
    return made


def needed_by(workload: Workload, made: Mapping[str, Service]) -> list[pulumi.Resource]:
    """The services that a workload depends on."""
    return [made[needed.service] for needed in workload.depends_on]


def readiness(work: Workload, *, wait: bool = True) -> Ready:
    """How to finish a container of this workload; with `wait`, until its health check passes."""
    test = work.health.test[1:] if wait and work.health else ()
    timeout = patience(work.health) if test else 0
    return Ready(container=work.name, pids=work.resources.pids, test=test, timeout=timeout)


def patience(health: HealthCheck | None) -> int:
    """Seconds after which Docker itself would call the container unhealthy."""
    return health.start_period + health.retries * (health.interval + health.timeout) if health else 0


def _on_host(host: Host, workload: Workload) -> list[pulumi.Resource]:
    """What must be there before a container of this workload: its image, and the files in its volumes."""
    return [host.images, *files_of(host, workload)]


def files_of(host: Host, workload: Workload) -> list[pulumi.Resource]:
    """What fills the volumes of a workload."""
    carriers = host.storage.carriers
    return [carriers[mount.volume.name] for mount in workload.mounts if mount.volume.name in carriers]
