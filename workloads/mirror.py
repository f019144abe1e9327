"""The registry of models that a closed network pulls from: `models.mirror: local`."""

from settings import Settings
from settings.models import DEFAULT_HOST
from settings.values import LOCAL
from workloads import images
from workloads.network import address, attach
from workloads.storage import Mount, Volume
from workloads.workload import HealthCheck, Listen, Resources, Stop, Workload

SERVICE = "model-mirror"
PORT = 5000
ADDED = "/srv/added"
_HOST = 12


def is_wanted(settings: Settings) -> bool:
    return settings.models.mirror == LOCAL


def added(settings: Settings) -> Volume:
    """The volume of the models that `make mirror` adds."""
    return Volume(name=f"{settings.stack}-mirror_data", keep=settings.models.keep)


def server(settings: Settings) -> Workload | None:
    """The mirror, where `models.mirror` asks for the one of this project."""
    if not is_wanted(settings):
        return None
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="the registry that ollama-init pulls from where no public one can be reached",
        image=images.model_mirror(),
        user="101:101",
        command=("nginx", "-g", "daemon off;"),
        networks=(attach(settings, "egress", _HOST),),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"ollama-init"}),
                why="ollama-init pulls from it",
                wider="what has a way out is on the same network; the models are public",
            ),
        ),
        mounts=(Mount(volume=added(settings), path=ADDED),),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=101,mode=0700"},
        health=HealthCheck(
            test=("CMD", "curl", "-fsS", "-o", "/dev/null", f"http://127.0.0.1:{PORT}/v2/"),
            interval=5,
            timeout=3,
            retries=3,
        ),
        stop=Stop(signal="SIGQUIT", grace=10),
        resources=Resources(memory=64 * 1024**2, cpus=settings.edge.cpus, pids=32),
    )


def library(settings: Settings) -> str:
    """Where the models of Ollama's library are pulled from, with the protocol: `https://registry.ollama.ai`.

    A mirror may be one namespace of a registry, `https://mirror.example/models`: it has every model there.
    """
    if is_wanted(settings):
        return f"http://{address(settings, 'egress', _HOST)}:{PORT}"
    if mirror := settings.models.mirror:
        namespace = f"/{mirror.namespace}" if mirror.namespace else ""
        return f"{'http' if mirror.plain else 'https'}://{mirror.host}{namespace}"
    return f"https://{DEFAULT_HOST}"
