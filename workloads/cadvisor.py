"""cAdvisor: CPU, memory, limits, starts and disk use of every container of the host, as Prometheus metrics."""

from decimal import Decimal

from settings import Settings
from workloads import images
from workloads.network import address, attach
from workloads.storage import HostPath
from workloads.workload import WATCHER_SHARES, Capabilities, Exemption, HealthCheck, Listen, Resources, Workload

SERVICE = "cadvisor"
PORT = 8080
_HOST = 13
# Kinds of metrics that nothing here asks for.
_WITHOUT = (
    "percpu,sched,tcp,udp,advtcp,process,hugetlb,referenced_memory,cpu_topology,resctrl,cpuset,memory_numa,network,"
    "diskIO"
)


def target(settings: Settings) -> str:
    """`address:port`, where it is asked."""
    return f"{address(settings, 'obs', _HOST)}:{PORT}"


def exporter(settings: Settings) -> Workload | None:
    """The exporter, unless `monitoring` is off."""
    if settings.monitoring is None:
        return None
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="measures CPU, memory and disk use of all containers",
        image=images.cadvisor(settings),
        user="0:0",
        command=(
            f"--listen_ip={address(settings, 'obs', _HOST)}",
            f"--port={PORT}",
            "--store_container_labels=false",
            f"--disable_metrics={_WITHOUT}",
            f"--housekeeping_interval={settings.monitoring.interval}s",
        ),
        networks=(attach(settings, "obs", _HOST),),
        host_paths=(
            HostPath(host="/var/run", path="/var/run"),
            HostPath(host="/sys", path="/sys"),
            HostPath(host=settings.docker_data_root, path=settings.docker_data_root),
        ),
        devices=("/dev/kmsg",),
        capabilities=Capabilities(add=("CAP_SYSLOG",)),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"prometheus"}),
                why="Prometheus asks it",
                wider="the rest of the monitoring is on the same network; figures of containers are no secret there",
            ),
        ),
        health=HealthCheck(
            test=("CMD", "wget", "-q", "-O", "/dev/null", f"http://{target(settings)}/healthz"),
            interval=15,
            timeout=5,
            retries=3,
            start_period=30,
        ),
        resources=Resources(memory=192 * 1024**2, cpus=Decimal("0.3"), pids=64, cpu_shares=WATCHER_SHARES),
        exemptions=(
            Exemption(
                rule="non-root",
                reason="the engine's socket and the counters of other containers belong to uid 0",
            ),
            Exemption(
                rule="capabilities", reason="CAP_SYSLOG: the kernel's log says which process it killed for memory"
            ),
            Exemption(
                rule="host-paths",
                reason="it reads all counters from the host, and names from the engine's socket: who rules this "
                "container rules the host, so it is on the network of the monitoring alone",
            ),
        ),
    )
