"""The pages for operators, on the host's loopback: status, and the way to Prometheus, Alertmanager, Grafana
and logs."""

from decimal import Decimal
from ipaddress import IPv4Address

from settings import Settings
from workloads import edge, grafana, images, victorialogs
from workloads.network import address, attach
from workloads.places import STATE
from workloads.storage import Files, Mount, Volume
from workloads.workload import HealthCheck, Listen, Port, Resources, Stop, Workload

SERVICE = "pages"
PAGES, RELEASES = 8080, 9113
"""Ports: of the pages, published; of the release's state, for Prometheus."""
CONFIG = "/etc/pages"
_HOST = 16


def config(settings: Settings) -> Volume:
    """The volume of its configuration and of the status page, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-pages-config")


def listen(settings: Settings) -> str:
    """The address that it listens on for the rest of the monitoring."""
    return str(address(settings, "obs", _HOST))


def has_logs(settings: Settings) -> bool:
    return victorialogs.server(settings) is not None


def endpoints(settings: Settings) -> dict[str, str]:
    """The name of each page to its URL on the host."""
    base = f"http://127.0.0.1:{settings.pages.port}"
    metrics = {"status": "/", "prometheus": "/prometheus/", "alertmanager": "/alertmanager/"}
    found = metrics if settings.monitoring else {}
    found |= {"grafana": f"{grafana.ROUTE}/"} if grafana.server(settings) else {}
    found |= {"logs": "/logs/select/vmui/"} if has_logs(settings) else {}
    return {name: base + path for name, path in found.items()}


def server(settings: Settings) -> Workload | None:
    """NGINX of its own: the edge is neither recreated for a page nor burdened with it."""
    if settings.monitoring is None and not has_logs(settings):
        return None
    state = edge.volumes(settings)[STATE]
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="the operators' pages, on the host's loopback",
        image=images.nginx(settings),
        user="101:101",
        entrypoint=("nginx",),
        command=("-c", f"{CONFIG}/nginx.conf", "-g", "daemon off;"),
        networks=(attach(settings, "obs", _HOST), attach(settings, "pages", _HOST)),
        files=(Files(volume=config(settings), recreate=True),),
        mounts=(Mount(volume=config(settings), path=CONFIG), Mount(volume=state, path=STATE)),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=101,mode=0700"},
        ports=(Port(container=PAGES, host=settings.pages.port, bind=IPv4Address("127.0.0.1")),),
        listens=(
            Listen(
                port=PAGES,
                needed_by=frozenset(),
                why="operators come by the published port",
                wider="the rest of the monitoring may look at the pages",
            ),
            Listen(
                port=RELEASES,
                needed_by=frozenset({"prometheus"}),
                why="Prometheus asks for the state of releases",
                wider="the rest of the monitoring is on the same network",
                on=frozenset({"obs"}),
            ),
        ),
        health=HealthCheck(
            test=("CMD", "curl", "-fsS", "-o", "/dev/null", f"http://{listen(settings)}:{RELEASES}/metrics"),
            interval=10,
            timeout=5,
            retries=3,
        ),
        stop=Stop(signal="SIGQUIT", grace=5),
        resources=Resources(memory=32 * 1024**2, cpus=Decimal("0.2"), pids=16),
    )
