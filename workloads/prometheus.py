"""Prometheus: it asks every target for its metrics, keeps them, and evaluates the alert rules."""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import Files, Mount, Volume
from workloads.workload import WATCHER_SHARES, HealthCheck, Listen, Resources, Workload

SERVICE = "prometheus"
PORT = 9090
CONFIG, DATA = "/etc/prometheus", "/prometheus"
ROUTE = "/prometheus"
"""Its path on the pages, and in its own URLs."""
_HOST = 10


def config(settings: Settings) -> Volume:
    """The volume of its configuration and its rules, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-prometheus-config")


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{address(settings, 'obs', _HOST)}:{PORT}"


def server(settings: Settings) -> Workload | None:
    """The server, unless `monitoring` is off."""
    if settings.monitoring is None:
        return None
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="collects metrics, keeps them, and evaluates the alert rules",
        image=images.prometheus(settings),
        user="65534:65534",
        entrypoint=("/bin/prometheus",),
        command=(
            f"--config.file={CONFIG}/prometheus.yml",
            f"--storage.tsdb.path={DATA}",
            f"--storage.tsdb.retention.time={settings.monitoring.retention_days}d",
            f"--web.listen-address={target(settings)}",
            f"--web.external-url=http://localhost:{settings.pages.port}{ROUTE}",
        ),
        networks=(attach(settings, "obs", _HOST),),
        files=(Files(volume=config(settings), recreate=True),),
        mounts=(
            Mount(volume=config(settings), path=CONFIG),
            Mount(volume=Volume(name=f"{settings.stack}-prometheus-data"), path=DATA, read_only=False),
        ),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"pages", "grafana"}),
                why="the pages ask it, and Grafana where there is one",
                wider="the rest of the monitoring is on the same network; metrics are no secret there",
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}{ROUTE}/-/healthy"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=60,
        ),
        resources=Resources(
            memory=settings.monitoring.memory, cpus=Decimal("0.5"), pids=128, cpu_shares=WATCHER_SHARES
        ),
    )
