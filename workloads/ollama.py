"""Ollama: the model server, and the one-shot that pulls its models."""

from pathlib import Path

from settings import Settings
from settings.ollama import NAMED
from settings.values import MIB
from workloads import images, mirror
from workloads.network import attach
from workloads.storage import Files, Mount, Volume
from workloads.workload import DependsOn, Exemption, HealthCheck, Listen, Resources, Workload

SERVICE, INIT = "ollama", "ollama-init"
PORT = 11434
DATA = "/root/.ollama"
SECRETS, PROXY_LOGIN = "/run/ollama-init", "proxy-login"
"""Where `ollama-init` finds the login of a proxy, and the file's name."""
HOST, _INIT_HOST = 10, 11
INIT_SCRIPT = (Path(__file__).parent / "ollama-init.sh").read_text()

ROOT = Exemption(
    rule="non-root",
    reason="the official image keeps its data in /root/.ollama; uid 0 here holds no capability and cannot gain one",
)
GPU = Exemption(rule="host-paths", reason="AMD's driver has no other way into a container than its device files")
# Two servers on one volume: neither may prune what the other has just fetched.
KEEP_BLOBS = {"OLLAMA_NOPRUNE": "1"}


def _models(settings: Settings) -> Mount:
    """The volume of the models, the specification's `ollama_data`. Models are large and slow to pull: a stack that is
    destroyed leaves them, unless its settings say otherwise."""
    return Mount(
        volume=Volume(name=f"{settings.stack}-ollama_data", keep=settings.models.keep), path=DATA, read_only=False
    )


def server(settings: Settings) -> Workload:
    """The model server. It is reachable from the API alone and has no way out.

    OLLAMA_MODELS is never in its environment: there, the server would take it for a directory.
    """
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="the model server",
        image=images.ollama(settings),
        user="0:0",
        command=("serve",),
        env=_server_env(settings),
        networks=(attach(settings, "model", HOST, aliases=(SERVICE,)),),
        listens=(
            Listen(
                port=PORT,
                needed_by=frozenset({"api-blue", "api-green", "api-before", "blackbox"}),
                why="the API asks the model, and the probe asks whether it answers; nobody else may",
            ),
        ),
        mounts=(_models(settings),),
        tmpfs={"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"},
        health=HealthCheck(test=("CMD", "ollama", "list"), interval=30, timeout=10, retries=5, start_period=120),
        resources=Resources(
            memory=settings.ollama_memory_limit,
            memory_reservation=settings.ollama_memory_reservation,
            cpus=settings.ollama.cpus,
            pids=settings.ollama.pids,
        ),
        gpus=_gpus(settings),
        devices=_devices(settings),
        exemptions=(ROOT, *([GPU] if settings.gpu == "amd" else [])),
    )


def _server_env(settings: Settings) -> dict[str, str]:
    chosen = settings.ollama
    named = {f"OLLAMA_{name.upper()}": _written(getattr(chosen, name)) for name in NAMED}
    return {
        **chosen.env,
        "OLLAMA_HOST": f"0.0.0.0:{PORT}",
        "OLLAMA_MAX_LOADED_MODELS": str(settings.ollama_max_loaded_models),
        "OLLAMA_NUM_PARALLEL": str(settings.ollama_num_parallel),
        "OLLAMA_NO_CLOUD": "1",
        # Without it the runner starts a thread per core of the host, far beyond its CPU limit (ollama#17916).
        "LLAMA_ARG_THREADS": str(max(1, int(chosen.cpus))),
        # In MiB, for each loaded model. Without it the runner keeps up to 8 GiB of prompts, whatever its memory limit.
        "LLAMA_ARG_CACHE_RAM": str(settings.prompt_cache // MIB),
        **KEEP_BLOBS,
        **{name: value for name, value in named.items() if value},
    }


def _written(value: object) -> str:
    """A setting as Ollama's environment has it; empty for one that is left to Ollama."""
    match value:
        case None | ():
            return ""
        case bool():
            return str(int(value))
        case tuple():
            return ",".join(map(str, value))
    return str(value)


def _gpus(settings: Settings) -> str:
    if settings.gpu != "nvidia":
        return ""
    return f"device={','.join(settings.gpu_devices)}" if settings.gpu_devices else "all"


def _devices(settings: Settings) -> tuple[str, ...]:
    """AMD's driver is one file for all GPUs, and one for each."""
    return ("/dev/kfd", *(settings.gpu_devices or ("/dev/dri",))) if settings.gpu == "amd" else ()


def init(settings: Settings) -> Workload:
    """`ollama-init`: pulls every model of OLLAMA_MODELS into the volume, checks digests, and ends.

    It has the way out that the server lacks, and a short-lived server of its own on the same volume.
    """
    return Workload(
        name=f"{settings.stack}-{INIT}",
        service=INIT,
        purpose="pulls the models of OLLAMA_MODELS, and ends",
        image=images.ollama(settings),
        user="0:0",
        entrypoint=("/bin/bash", "-c"),
        command=(INIT_SCRIPT,),
        env={
            "OLLAMA_HOST": f"127.0.0.1:{PORT}",
            "MODELS_TO_PULL": " ".join(settings.ollama_models),
            "LIBRARY": mirror.library(settings),
            "PLAIN_HTTP": " ".join(settings.models.plain_http),
            "PRUNE": "yes" if settings.ollama.prune else "",
            **KEEP_BLOBS,
            **_way_out(settings),
        },
        networks=(attach(settings, "egress", _INIT_HOST),),
        files=_login(settings),
        mounts=(_models(settings), *(Mount(volume=found.volume, path=SECRETS) for found in _login(settings))),
        tmpfs={"/tmp": "rw,nosuid,nodev,size=64m,mode=1777"},
        depends_on=(DependsOn(service=mirror.SERVICE),) if mirror.is_wanted(settings) else (),
        restart="no",
        advice="Models that were there before are still served. Correct OLLAMA_MODELS or the registry, then run the "
        "same command again.",
        resources=Resources(memory=1024**3, cpus=settings.ollama.cpus, pids=settings.ollama.pids),
        exemptions=(
            ROOT,
            Exemption(rule="health-check", reason="it runs to its end; its exit code is the answer"),
            Exemption(rule="restart", reason="a failed pull fails the update, which says why and runs it again"),
        ),
    )


def _login(settings: Settings) -> tuple[Files, ...]:
    """In a file: what is in the environment of a container, everybody reads who may look at it."""
    if not settings.models.has("proxy_login"):
        return ()
    volume = Volume(name=f"{settings.stack}-ollama-init-secrets")
    login = {PROXY_LOGIN: settings.models.proxy_login}
    return (Files(volume=volume, mode="0400", secrets=login, recreate=True),)


def _way_out(settings: Settings) -> dict[str, str]:
    """Through a company's proxy, which Ollama uses for https alone."""
    models = settings.models
    found = {"HTTPS_PROXY": models.proxy, "NO_PROXY": ",".join(models.no_proxy), "EXTRA_CA": models.ca}
    return {name: value for name, value in found.items() if value}
