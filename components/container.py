"""A workload as a Docker container: the one place where a `Workload` meets the provider.

What the recordings of the real provider taught is closed here for every service:
- a changed health check, tmpfs or mount target reaches the state but never the container, and a failed in-place update
  is forgotten by the next `up`: so every change is a replacement, deleted first because names and addresses are fixed;
- removing `envs`, `labels`, `user` and the like as a whole does nothing: so all of them are always given, if empty;
- the provider reads some values back in its own spelling and then sees a change in them: so only that one is written;
- it cannot set a PID limit, and its own wait is cleared by a refresh: so both are a step behind the container.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pulumi
import pulumi_docker as docker

from components.secrets import sealed
from workloads.workload import Attachment, HealthCheck, Workload

MIB = 1024 * 1024
CPU_PERIOD = 100_000  # microseconds


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """`networks` by their key in the plan; `volumes` by their name on the host. `read_once` are marks of files that the
    container reads only once: when one changes, the container is recreated."""

    workload: Workload
    networks: Mapping[str, docker.Network]
    volumes: Mapping[str, docker.Volume]
    read_once: Sequence[pulumi.Input[str]] = ()


def container(name: str, args: ContainerArgs, opts: pulumi.ResourceOptions) -> docker.Container:
    """The `docker.Container` of a workload. That of a one-shot is made and not started: a step runs it."""
    work = args.workload
    quota = _cpu_quota(work.resources.cpus)
    labels: dict[str, pulumi.Input[str]] = {**work.labels}
    if args.read_once:
        labels["orca.files"] = pulumi.Output.all(*args.read_once).apply(" ".join)
    guarded = pulumi.ResourceOptions(delete_before_replace=True, replace_on_changes=["*"])
    return docker.Container(
        name,
        name=work.name,
        image=work.image,
        entrypoints=list(work.entrypoint) or None,
        command=list(work.command) or None,  # an empty list would be read back as the image's own and seen as a change
        envs=[
            *sorted(f"{key}={value}" for key, value in work.env.items()),
            *(sealed(value, f"{key}=") for key, value in sorted(work.secret_env.items())),
        ],
        labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in sorted(labels.items())],
        user=work.user,
        group_adds=list(work.groups),
        read_only=work.read_only,
        tmpfs=dict(work.tmpfs),
        sysctls=dict(work.sysctls) or None,
        capabilities=docker.ContainerCapabilitiesArgs(
            adds=list(work.capabilities.add), drops=list(work.capabilities.drop)
        ),
        security_opts=list(work.security_options),
        networks_advanced=[_attachment(args.networks[found.network], found) for found in work.networks],
        ports=[
            docker.ContainerPortArgs(internal=port.container, external=port.host, ip=str(port.bind), protocol="tcp")
            for port in work.ports
        ],
        volumes=[
            docker.ContainerVolumeArgs(
                volume_name=args.volumes[mount.volume.name].name, container_path=mount.path, read_only=mount.read_only
            )
            for mount in work.mounts
        ]
        + [
            docker.ContainerVolumeArgs(host_path=found.host, container_path=found.path, read_only=True)
            for found in work.host_paths
        ],
        healthcheck=_healthcheck(work.health),
        gpus=work.gpus or None,
        devices=[docker.ContainerDeviceArgs(host_path=path) for path in work.devices] or None,
        memory=work.resources.memory // MIB,
        memory_swap=work.resources.memory // MIB,
        memory_reservation=work.resources.memory_reservation // MIB,
        cpus=None if quota else f"{work.resources.cpus:.1f}",
        cpu_shares=work.resources.cpu_shares or None,
        cpu_period=CPU_PERIOD if quota else None,
        cpu_quota=quota,
        restart=work.restart,
        start=not work.one_shot,
        must_run=not work.one_shot,
        log_driver="json-file",
        log_opts=work.log.options,
        stop_signal=work.stop.signal,
        stop_timeout=work.stop.grace,
        destroy_grace_seconds=work.stop.grace,
        opts=pulumi.ResourceOptions.merge(opts, guarded),
    )


def _attachment(network: docker.Network, found: Attachment) -> docker.ContainerNetworksAdvancedArgs:
    return docker.ContainerNetworksAdvancedArgs(
        name=network.name,
        ipv4_address=str(found.address) if found.address else None,
        aliases=list(found.aliases),
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
