"""Alertmanager: it tells people of alerts, once and in groups."""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import Files, Mount, Volume
from workloads.workload import WATCHER_SHARES, HealthCheck, Listen, Resources, Workload

SERVICE = "alertmanager"
PORT = 9093
CONFIG, SECRETS, DATA = "/etc/alertmanager", "/run/alertmanager", "/alertmanager"
ROUTE = "/alertmanager"
"""Its path on the pages, and in its own URLs."""
_HOST = 11


def config(settings: Settings) -> Volume:
    """The volume of its configuration, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-alertmanager-config")


def secrets(settings: Settings) -> Volume:
    """The volume of URLs and keys of receivers: a file for each, read at every notification."""
    return Volume(name=f"{settings.stack}-alertmanager-secrets")


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{address(settings, 'obs', _HOST)}:{PORT}"


def server(settings: Settings) -> Workload | None:
    """The server, unless `monitoring` is off. It has a way out, to those whom it tells."""
    if settings.monitoring is None:
        return None
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="tells people of alerts",
        image=images.alertmanager(settings),
        user="65534:65534",
        groups=("0",),  # reads the secrets: owned by root, mode 0440
        entrypoint=("/bin/alertmanager",),
        command=(
            f"--config.file={CONFIG}/alertmanager.yml",
            f"--storage.path={DATA}",
            f"--web.listen-address={target(settings)}",
            f"--web.external-url=http://localhost:{settings.pages.port}{ROUTE}",
            "--cluster.listen-address=",
        ),
        networks=(attach(settings, "obs", _HOST), attach(settings, "egress", 14)),
        files=(Files(volume=config(settings), recreate=True), Files(volume=secrets(settings), mode="0440")),
        mounts=(
            Mount(volume=config(settings), path=CONFIG),
            Mount(volume=secrets(settings), path=SECRETS),
            Mount(volume=Volume(name=f"{settings.stack}-alertmanager-data"), path=DATA, read_only=False),
        ),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"prometheus", "pages"}),
                why="Prometheus sends alerts, the pages show them",
                wider="the rest of the monitoring is on the same network",
                on=frozenset({"obs"}),
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}{ROUTE}/-/healthy"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=30,
        ),
        resources=Resources(memory=64 * 1024**2, cpus=Decimal("0.2"), pids=64, cpu_shares=WATCHER_SHARES),
    )
