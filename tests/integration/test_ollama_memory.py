"""The model server inside its memory limit: many long prompts, and the states of them that the runner keeps."""

import random
import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
import requests
from docker.models.containers import Container

import images
from settings import load
from tools.lab.place import own
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads import ollama

NAME = own("orca-prompts")
TINY = "tiny-random:latest"
PROMPTS, TOKENS = 200, 1500
MIB = 1024**2
_MANIFEST = "/root/.ollama/models/manifests/registry.ollama.ai/library/tiny-random"


@pytest.fixture(scope="module")
def volume(engine: docker.DockerClient) -> Iterator[str]:
    """A volume with the model in it, laid there from the mirror's image."""
    sweep(engine, NAME)
    script = f"""
        mkdir -p {_MANIFEST} /root/.ollama/models/blobs
        cd /srv/models/v2/library/tiny-random
        cp manifests/latest {_MANIFEST}/
        for blob in blobs/*; do cp $blob /root/.ollama/models/blobs/sha256-${{blob##*:}}; done"""
    data = docker.types.Mount("/root/.ollama", f"{NAME}-data", "volume")
    engine.containers.run(
        images.reference("model-mirror"), ["-c", script], entrypoint="sh", user="0:0", mounts=[data], remove=True
    )
    yield f"{NAME}-data"
    sweep(engine, NAME)


@contextmanager
def served(engine: docker.DockerClient, volume: str, **env: str) -> Iterator[Container]:
    """The model server of a stack whose memory limit just holds the model."""
    config: dict[str, Any] = {
        "profile": "development",
        "OLLAMA_VERSION": "local",
        "IMAGE_TAG": "local",
        "OLLAMA_MODELS": [TINY],
        "OLLAMA_MEMORY_LIMIT": "160M",
        "OLLAMA_MEMORY_RESERVATION": "64M",
        "OLLAMA_MAX_LOADED_MODELS": 1,
        "ollama": {"cpus": "2", "keepAlive": "-1"},
    }
    work = ollama.server(load(NAME, config))
    published: Any = {f"{ollama.PORT}/tcp": ("127.0.0.1", None)}  # any port: the types know only numbers
    container = engine.containers.run(
        work.image,
        list(work.command),
        name=f"{NAME}-server",
        environment={**work.env, **env},
        mem_limit=work.resources.memory,
        memswap_limit=work.resources.memory,
        read_only=work.read_only,
        tmpfs=dict(work.tmpfs),
        ports=published,
        mounts=[docker.types.Mount(mount.path, volume, "volume") for mount in work.mounts],
        detach=True,
    )
    try:
        eventually(lambda: container.exec_run(["ollama", "list"]).exit_code == 0, 30, "Ollama answers")
        yield container
    finally:
        container.remove(force=True)


def shell(container: Container, script: str) -> str:
    output = container.exec_run(["bash", "-c", script]).output
    assert isinstance(output, bytes)
    return output.decode().strip()


def resident(container: Container) -> int:
    """Bytes that the container's processes hold, without the files that the kernel can forget."""
    counted = "cat /proc/[0-9]*/status 2>/dev/null | awk '/^RssAnon/ {sum += $2} END {print sum}'"
    return int(shell(container, counted)) * 1024


def send(container: Container, count: int) -> None:
    container.reload()
    port = container.attrs["NetworkSettings"]["Ports"][f"{ollama.PORT}/tcp"][0]["HostPort"]
    numbers = random.Random(count)
    for _ in range(count):
        prompt = "".join(numbers.choices(string.ascii_lowercase, k=TOKENS))
        body = {"model": TINY, "prompt": prompt, "stream": False, "options": {"num_predict": 1}}
        assert requests.post(f"http://127.0.0.1:{port}/api/generate", json=body, timeout=60).json()["done"]


def runner(container: Container) -> str:
    return shell(container, "grep -l llama-server /proc/[0-9]*/comm")


def test_many_prompts_leave_the_memory_as_it_was(engine: docker.DockerClient, volume: str) -> None:
    with served(engine, volume) as container:
        send(container, 40)
        before, process = resident(container), runner(container)
        send(container, PROMPTS - 40)
        after = resident(container)
        print(f"{before / MIB:.0f} MiB after 40 prompts, {after / MIB:.0f} MiB after {PROMPTS}")
        assert process
        assert runner(container) == process, "the runner was killed"
        assert after - before < 10 * MIB


def test_without_the_limit_it_grows(engine: docker.DockerClient, volume: str) -> None:
    """What llama-server does by itself: else the test above would show nothing."""
    with served(engine, volume, LLAMA_ARG_CACHE_RAM="8192") as container:
        send(container, 10)
        before = resident(container)
        send(container, 50)
        after = resident(container)
        print(f"{before / MIB:.0f} MiB after 10 prompts, {after / MIB:.0f} MiB after 60")
        assert after - before > 12 * MIB
