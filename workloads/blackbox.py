"""The blackbox exporter: it asks Ollama, the API and the edge as a client would, and measures the answers."""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import Files, Mount, Volume
from workloads.workload import WATCHER_SHARES, HealthCheck, Listen, Resources, Workload

SERVICE = "blackbox"
PORT = 9115
CONFIG = "/etc/blackbox"
_HOST = 12


def config(settings: Settings) -> Volume:
    """The volume of its probes, which render/monitoring.py gives."""
    return Volume(name=f"{settings.stack}-blackbox-config")


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{address(settings, 'obs', _HOST)}:{PORT}"


def source(settings: Settings) -> str:
    """The address that its requests to the edge come from."""
    return str(address(settings, "app-network", _HOST))


def exporter(settings: Settings) -> Workload | None:
    """The exporter, unless `monitoring` is off.

    It is asked on the network `obs` alone, because it sends requests to wherever it is told to."""
    if settings.monitoring is None:
        return None
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="asks Ollama, the API and the edge as a client would",
        image=images.blackbox(settings),
        user="65534:65534",
        entrypoint=("/bin/blackbox_exporter",),
        command=(f"--config.file={CONFIG}/blackbox.yml", f"--web.listen-address={target(settings)}"),
        networks=tuple(attach(settings, network, _HOST) for network in ("obs", "app-network", "model")),
        files=(Files(volume=config(settings), recreate=True),),
        mounts=(Mount(volume=config(settings), path=CONFIG),),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"prometheus"}),
                why="Prometheus has it ask",
                wider="the rest of the monitoring is on the same network",
                on=frozenset({"obs"}),
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}/-/healthy"),
            interval=10,
            timeout=5,
            retries=3,
        ),
        resources=Resources(memory=48 * 1024**2, cpus=Decimal("0.2"), pids=64, cpu_shares=WATCHER_SHARES),
    )
