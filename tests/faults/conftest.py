"""One small stack for the fault tests of a process, the loads that they send, and a registry of images."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests

from tools.lab.load.client import Mix
from tools.lab.place import own, place
from tools.lab.stack import SmallStack
from tools.lab.wait import eventually
from tools.toolchain import base_image
from tools.toolchain.progress import Progress

# An engine of a test's own takes root, and dockerd on this machine.
if os.geteuid() != 0 or shutil.which("dockerd") is None:
    collect_ignore = ["test_engine.py", "test_bring.py", "test_production.py"]
FIRST = "first.json"
# Fifty connections that are kept, with pauses that a browser, a pool and a cron job have, and some of everything else.
EVERYTHING = Mix(keepalive="10@5ms,20@1s,20@5s", fresh="2@100ms", get="2@100ms", stream="6@0s")
# Enough to see a loss, and light enough for a release beside it.
SOME = Mix(keepalive="2@5ms,6@200ms", fresh="1@100ms", get="1@100ms", stream="2@0s", stream_path="/v1/stream?seconds=2")


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str
) -> Iterator[SmallStack]:
    """The stack `flt` with a release in each colour, and a copy of the state of its first deployment; destroyed in the
    end."""
    stack = SmallStack(tmp_path_factory.mktemp("stack"), engine, backend, place("flt"))
    try:
        stack.create()
        stack.pulumi("stack", "export", "--file", str(stack.folder / FIRST))
        stack.release()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def stack(running: SmallStack) -> Iterator[SmallStack]:
    """The running stack with a good release live."""
    running.settle(pair=False)
    yield running
    running.end_orphans()


@pytest.fixture
def pair(running: SmallStack) -> Iterator[SmallStack]:
    """The running stack with a good release in each colour."""
    running.settle(pair=True)
    yield running
    running.end_orphans()


REGISTRY = own("orca-registry")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[str]:
    """`127.0.0.1:<port>` of a registry. The engine needs no TLS for one on its own host."""
    source = Path(__file__).parent / "registry"
    folder = shutil.copytree(source, tmp_path_factory.mktemp("registry") / "context")
    base = base_image.ensure(Progress().step("base image"))
    build = ["docker", "build", "--quiet", "--build-arg", f"DEBIAN={base}", "--tag", f"{REGISTRY}:1", str(folder)]
    subprocess.run(build, check=True, timeout=300)
    subprocess.run(["docker", "rm", "--force", REGISTRY], capture_output=True, check=False)
    container = engine.containers.run(f"{REGISTRY}:1", name=REGISTRY, ports={"5000/tcp": ("127.0.0.1", 0)}, detach=True)
    try:
        container.reload()
        port = int(container.attrs["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"])
        eventually(lambda: _is_registry(port), 20, "the registry answers")
        yield f"127.0.0.1:{port}"
    finally:
        container.remove(force=True)
        engine.images.remove(f"{REGISTRY}:1", force=True)


def _is_registry(port: int) -> bool:
    """Whether it answers; the engine listens on a published port before the container does."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2).ok
    except requests.RequestException:
        return False
