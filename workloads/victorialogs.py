"""VictoriaLogs: the log store of the stack itself, with a page to search it."""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import Mount, Volume
from workloads.workload import WATCHER_SHARES, Exemption, HealthCheck, Listen, Resources, Workload

SERVICE = "victorialogs"
PORT = 9428
DATA = "/victoria-logs-data"
ROUTE = "/logs"
"""Its path on the pages, and in its own URLs."""
_HOST = 15


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{address(settings, 'obs', _HOST)}:{PORT}"


def server(settings: Settings) -> Workload | None:
    """The store, where `logging.sinks` has it."""
    if settings.logging is None or settings.logging.sinks.victorialogs is None:
        return None
    store = settings.logging.sinks.victorialogs
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="keeps logs, and searches them",
        image=images.victorialogs(settings),
        user="0:0",
        entrypoint=("/victoria-logs-prod",),
        command=(
            f"-storageDataPath={DATA}",
            f"-retentionPeriod={store.retention_days}d",
            f"-retention.maxDiskSpaceUsageBytes={store.disk}",
            f"-memory.allowedBytes={store.memory * 6 // 10}",
            f"-httpListenAddr={target(settings)}",
            f"-http.pathPrefix={ROUTE}",
        ),
        networks=(attach(settings, "obs", _HOST),),
        mounts=(Mount(volume=Volume(name=f"{settings.stack}-logs"), path=DATA, read_only=False),),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"collector", "pages"}),
                why="the collector sends logs, the pages search them",
                wider="the rest of the monitoring is on the same network",
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}{ROUTE}/health"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=30,
        ),
        resources=Resources(memory=store.memory, cpus=Decimal("0.5"), pids=64, cpu_shares=WATCHER_SHARES),
        exemptions=(
            Exemption(
                rule="non-root",
                reason="a new volume belongs to uid 0, which here holds no capability",
            ),
        ),
    )
