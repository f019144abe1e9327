"""A workload as a Docker container: the one place where a `Workload` meets the provider.

What the recordings of the real provider taught is closed here for every service:
- a changed health check, tmpfs or mount target reaches the state but never the container, and a failed in-place update
  is forgotten by the next `up`: so every change is a replacement, deleted first because names and addresses are fixed;
- removing `envs`, `labels`, `user` and the like as a whole does nothing: so all of them are always given, if empty;
- the provider reads some values back in its own spelling and then sees a change in them: so only that one is written;
- it cannot set a PID limit, and its own wait is cleared by a refresh: so both are a step behind the container.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pulumi
import pulumi_docker as docker

from components.step import step
from settings import Settings
from workloads.workload import HealthCheck, Workload

MIB = 1024 * 1024
CPU_PERIOD = 100_000  # microseconds
LOG_OPTIONS = {"max-size": "10m", "max-file": "5", "tag": "{{.Name}}"}


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """`networks` by their key in the plan; `volumes` by their name on the host.

    `after` must be done before it is made. `wait`: the health check must pass before anything that depends on it
    goes on.
    """

    settings: Settings
    workload: Workload
    networks: Mapping[str, docker.Network]
    volumes: Mapping[str, docker.Volume]
    wait: bool = True
    after: Sequence[pulumi.Resource] = ()


class Container(pulumi.ComponentResource):
    """A running container with all its limits.

    Pulumi type `orca:docker:Container`; makes a `docker.Container` and the step that finishes it.
    """

    container: docker.Container

    def __init__(self, name: str, args: ContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:docker:Container", name, {}, opts)
        self.container = container(name, args, pulumi.ResourceOptions(parent=self, depends_on=list(args.after)))
        test = args.workload.health.test if args.wait and args.workload.health else ()
        step(
            f"{name}-ready",
            "rollout step ready",
            args.settings,
            {
                "CONTAINER": self.container.id,
                "PIDS": str(args.workload.resources.pids),
                "TEST": shlex.join(test[1:]),
                "TIMEOUT": str(_patience(args.workload.health)),
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"id": self.container.id})


def container(name: str, args: ContainerArgs, opts: pulumi.ResourceOptions, *, start: bool = True) -> docker.Container:
    """The bare `docker.Container` of a workload. `start=False` leaves it created, for a step to start."""
    work = args.workload
    quota = _cpu_quota(work.resources.cpus)
    guarded = pulumi.ResourceOptions(delete_before_replace=True, replace_on_changes=["*"])
    return docker.Container(
        name,
        name=work.name,
        image=work.image,
        entrypoints=list(work.entrypoint) or None,
        command=list(work.command) or None,  # an empty list would be read back as the image's own and seen as a change
        envs=sorted(f"{key}={value}" for key, value in work.env.items()),
        labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in sorted(work.labels.items())],
        user=work.user,
        group_adds=list(work.groups),
        read_only=work.read_only,
        tmpfs=dict(work.tmpfs),
        sysctls=dict(work.sysctls) or None,
        capabilities=docker.ContainerCapabilitiesArgs(adds=[], drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(
                name=args.networks[attachment.network].name,
                ipv4_address=str(attachment.address),
                aliases=list(attachment.aliases),
            )
            for attachment in work.networks
        ],
        ports=[
            docker.ContainerPortArgs(internal=port.container, external=port.host, ip=str(port.bind), protocol="tcp")
            for port in work.ports
        ],
        volumes=[
            docker.ContainerVolumeArgs(
                volume_name=args.volumes[mount.volume].name, container_path=mount.path, read_only=mount.read_only
            )
            for mount in work.mounts
        ],
        healthcheck=_healthcheck(work.health),
        memory=work.resources.memory // MIB,
        memory_swap=work.resources.memory // MIB,
        memory_reservation=work.resources.memory_reservation // MIB,
        cpus=None if quota else f"{work.resources.cpus:.1f}",
        cpu_period=CPU_PERIOD if quota else None,
        cpu_quota=quota,
        restart="no" if work.one_shot else "unless-stopped",
        start=start,
        must_run=start,
        log_driver="json-file",
        log_opts=LOG_OPTIONS,
        stop_signal=work.stop.signal,
        stop_timeout=work.stop.grace,
        destroy_grace_seconds=work.stop.grace,
        opts=pulumi.ResourceOptions.merge(opts, guarded),
    )


def _healthcheck(health: HealthCheck | None) -> docker.ContainerHealthcheckArgs | None:
    if health is None:
        return None
    return docker.ContainerHealthcheckArgs(
        tests=list(health.test),
        interval=_go_duration(health.interval),
        timeout=_go_duration(health.timeout),
        retries=health.retries,
        start_period=_go_duration(health.start_period),
    )


def _go_duration(seconds: int) -> str:
    """The spelling that the provider reads back: `90` becomes `1m30s`, `120` becomes `2m0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _cpu_quota(cpus: Decimal) -> int | None:
    """The provider has no stable spelling for multiples of ten CPUs; those become a quota of the same size."""
    return int(cpus) * CPU_PERIOD if cpus % 10 == 0 else None


def _patience(health: HealthCheck | None) -> int:
    """Seconds after which Docker itself would call the container unhealthy."""
    return health.start_period + health.retries * (health.interval + health.timeout) if health else 0
