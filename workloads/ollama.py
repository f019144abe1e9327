"""Ollama: the model server, the one-shot that pulls its models, and the mirror that a closed network pulls from."""

from pathlib import Path

from settings import Settings
from settings.values import LOCAL
from workloads import images
from workloads.network import address, attach
from workloads.workload import Exemption, HealthCheck, Mount, Resources, Stop, Workload

PORT = 11434
MIRROR_PORT = 5000
DATA = "/root/.ollama"
INIT_SCRIPT = (Path(__file__).parent / "ollama-init.sh").read_text()

ROOT = Exemption(
    rule="non-root",
    reason="the official image keeps its data in /root/.ollama; uid 0 here holds no capability and cannot gain one",
)
# Two servers on one volume: neither may prune what the other has just fetched.
KEEP_BLOBS = {"OLLAMA_NOPRUNE": "1"}


def volume(settings: Settings) -> str:
    """The volume of the models: the specification's `ollama_data`."""
    return f"{settings.stack}-ollama_data"


def server(settings: Settings) -> Workload:
    """The model server. It is reachable from the API alone and has no way out.

    OLLAMA_MODELS is never in its environment: there, the server would take it for a directory.
    """
    threads = max(1, int(settings.ollama.cpus))
    env = {
        "OLLAMA_HOST": f"0.0.0.0:{PORT}",
        "OLLAMA_MAX_LOADED_MODELS": str(settings.ollama_max_loaded_models),
        "OLLAMA_NUM_PARALLEL": str(settings.ollama_num_parallel),
        "OLLAMA_NO_CLOUD": "1",
        # Without it the runner starts a thread per core of the host, far beyond its CPU limit (ollama#17916).
        "LLAMA_ARG_THREADS": str(threads),
        **KEEP_BLOBS,
    }
    if settings.ollama.context_length:
        env["OLLAMA_CONTEXT_LENGTH"] = str(settings.ollama.context_length)
    return Workload(
        name=f"{settings.stack}-ollama",
        image=images.ollama(settings),
        user="0:0",
        command=("serve",),
        env=env,
        networks=(attach(settings, "model", "ollama", aliases=("ollama",)),),
        mounts=(Mount(volume=volume(settings), path=DATA, read_only=False),),
        tmpfs={"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"},
        health=HealthCheck(test=("CMD", "ollama", "list"), interval=30, timeout=10, retries=5, start_period=120),
        resources=Resources(
            memory=settings.ollama_memory_limit,
            memory_reservation=settings.ollama_memory_reservation,
            cpus=settings.ollama.cpus,
            pids=settings.ollama.pids,
        ),
        exemptions=(ROOT,),
    )


def init(settings: Settings) -> Workload:
    """`ollama-init`: pulls every model of OLLAMA_MODELS into the volume, checks digests, and ends.

    It has the way out that the server lacks, and a short-lived server of its own on the same volume.
    """
    return Workload(
        name=f"{settings.stack}-ollama-init",
        image=images.ollama(settings),
        user="0:0",
        entrypoint=("/bin/sh", "-c"),
        command=(INIT_SCRIPT,),
        env={
            "OLLAMA_HOST": f"127.0.0.1:{PORT}",
            "MODELS_TO_PULL": " ".join(settings.ollama_models),
            "MODEL_REGISTRY": _registry(settings),
            **KEEP_BLOBS,
        },
        networks=(attach(settings, "egress", "ollama-init"),),
        mounts=(Mount(volume=volume(settings), path=DATA, read_only=False),),
        tmpfs={"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"},
        one_shot=True,
        resources=Resources(memory=1024**3, cpus=settings.ollama.cpus, pids=settings.ollama.pids),
        exemptions=(
            ROOT,
            Exemption(rule="health-check", reason="it runs to its end; its exit code is the answer"),
            Exemption(rule="restart", reason="a failed pull fails the update, which says why and runs it again"),
        ),
    )


def mirror(settings: Settings) -> Workload | None:
    """The registry of test models that `models.mirror: local` pulls from."""
    if settings.models.mirror != LOCAL:
        return None
    return Workload(
        name=f"{settings.stack}-model-mirror",
        image=images.model_mirror(),
        user="101:101",
        command=("nginx", "-g", "daemon off;"),
        networks=(attach(settings, "egress", "model-mirror"),),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,uid=101,gid=101,mode=0700"},
        health=HealthCheck(
            test=("CMD", "curl", "-fsS", "-o", "/dev/null", f"http://127.0.0.1:{MIRROR_PORT}/v2/"),
            interval=5,
            timeout=3,
            retries=3,
        ),
        stop=Stop(signal="SIGQUIT", grace=10),
        resources=Resources(memory=64 * 1024**2, cpus=settings.edge.cpus, pids=32),
    )


def _registry(settings: Settings) -> str:
    """Where the pull goes instead of the public library, as a URL; empty for the library itself."""
    if settings.models.mirror == LOCAL:
        return f"http://{address(settings, 'egress', 'model-mirror')}:{MIRROR_PORT}"
    return settings.models.mirror or ""
