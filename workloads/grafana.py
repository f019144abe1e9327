"""Grafana: dashboards of what Prometheus keeps, for whoever reaches the pages; only with `monitoring.grafana`.

Everybody reads and nobody can log in, so it has nothing to keep: its database is made anew at every start, in memory.
It asks Prometheus alone, and has no way out.
"""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import Files, Mount, Volume
from workloads.workload import HealthCheck, Listen, Resources, Workload

SERVICE = "grafana"
PORT = 3000
CONFIG, DATA = "/etc/grafana", "/var/lib/grafana"
ROUTE = "/grafana"
"""Its path on the pages, and in its own URLs."""
_HOST = 17


def config(settings: Settings) -> Volume:
    """The volume of its configuration and of the dashboards, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-grafana-config")


def listen(settings: Settings) -> str:
    """The one address that it listens on."""
    return str(address(settings, "obs", _HOST))


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{listen(settings)}:{PORT}"


def server(settings: Settings) -> Workload | None:
    """The server, where `monitoring.grafana` asks for it."""
    if settings.monitoring is None or not settings.monitoring.grafana:
        return None
    owned = "rw,noexec,nosuid,nodev,uid=472,gid=0,mode=0700"
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="shows dashboards of what Prometheus keeps",
        image=images.grafana(settings),
        user="472:0",
        entrypoint=("/run.sh",),
        networks=(attach(settings, "obs", _HOST),),
        files=(Files(volume=config(settings), recreate=True),),
        mounts=(Mount(volume=config(settings), path=CONFIG),),
        # The plugin for Prometheus is a process of its own, and its socket is in /tmp.
        tmpfs={DATA: f"{owned},size=128m", "/tmp": f"{owned},size=16m"},
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"pages", "prometheus"}),
                why="the pages show it, Prometheus asks for its metrics",
                wider="the rest of the monitoring is on the same network; it shows what Prometheus has",
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}{ROUTE}/api/health"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=60,
        ),
        resources=Resources(memory=512 * 1024**2, cpus=Decimal("0.5"), pids=128),
    )
