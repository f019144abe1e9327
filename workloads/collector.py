"""The OpenTelemetry Collector: it forwards what containers and the rollout log, and counts requests."""

from settings import Settings
from settings.logs import Logs
from workloads import edge, images
from workloads.network import address, attach
from workloads.places import STATE
from workloads.storage import Files, HostPath, Mount, Volume
from workloads.workload import WATCHER_SHARES, Exemption, Listen, Resources, Workload

SERVICE = "collector"
HEALTH, OWN, DERIVED = 13133, 8888, 9464
"""Ports: whether it works; its own metrics; those of the access log."""
CONFIG, SECRETS, DATA = "/etc/collector", "/run/collector", "/var/lib/collector"
LOGS = "/var/lib/docker/containers"
"""Where it sees the engine's log files, wherever the engine keeps them."""
_HOST = 14


def config(settings: Settings) -> Volume:
    """The volume of its configuration, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-collector-config")


def secrets(settings: Settings) -> Volume:
    """The volume of the sinks' keys: a file for each."""
    return Volume(name=f"{settings.stack}-collector-secrets")


def listen(settings: Settings) -> str:
    """The address that it listens on."""
    return str(address(settings, "obs", _HOST))


def is_wanted(settings: Settings) -> bool:
    return settings.logging is not None or settings.monitoring is not None


def has_far_sink(settings: Settings) -> bool:
    sinks = settings.logging.sinks if settings.logging else None
    return sinks is not None and any((sinks.elasticsearch, sinks.datadog, sinks.otlp))


def agent(settings: Settings) -> Workload | None:
    """The collector, unless `logging` and `monitoring` are off. It has a way out if a sink is outside of the stack."""
    if not is_wanted(settings):
        return None
    limits = settings.logging or Logs()
    mebibytes = limits.memory // 1024**2
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="forwards logs, and counts requests in the access log",
        image=images.collector(settings),
        user="0:0",
        entrypoint=("/otelcol-contrib",),
        command=(f"--config={CONFIG}/collector.yml",),
        env={"GOGC": "400", "GOMEMLIMIT": f"{mebibytes * 4 // 5}MiB"},  # a fifth of its time was garbage collection
        networks=(
            attach(settings, "obs", _HOST),
            *([attach(settings, "egress", 15)] if has_far_sink(settings) else []),
        ),
        files=(
            Files(volume=config(settings), recreate=True),
            Files(volume=secrets(settings), mode="0400", recreate=True),
        ),
        mounts=(
            Mount(volume=config(settings), path=CONFIG),
            Mount(volume=secrets(settings), path=SECRETS),
            Mount(volume=Volume(name=f"{settings.stack}-collector-data"), path=DATA, read_only=False),
            Mount(volume=edge.volumes(settings)[STATE], path=STATE),
        ),
        host_paths=(HostPath(host=f"{settings.docker_data_root}/containers", path=LOGS),),
        listens=tuple(
            Listen(
                port=port,
                needed_by=frozenset({"prometheus"}),
                why="Prometheus asks it",
                wider="the rest of the monitoring is on the same network",
                on=frozenset({"obs"}),
            )
            for port in (HEALTH, OWN, DERIVED)
        ),
        resources=Resources(
            memory=mebibytes * 1024**2,
            cpus=limits.cpus,
            pids=64,
            cpu_shares=WATCHER_SHARES,
        ),
        exemptions=(
            Exemption(rule="non-root", reason="the engine's log files belong to uid 0, which here holds no capability"),
            Exemption(rule="host-paths", reason="it reads the engine's log files, where every container's lines are"),
            Exemption(
                rule="health-check",
                reason="the published image holds the collector alone, with nothing to ask it; Prometheus does",
            ),
        ),
    )
