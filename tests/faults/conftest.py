"""One stack, one load client and one backend image for all fault tests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import FaultStack, backend_image, require_tools

IMAGE = "orca-faults-backend"
# An engine of a test's own takes root, and dockerd on this machine.
if os.geteuid() != 0 or shutil.which("dockerd") is None:
    collect_ignore = ["test_engine.py"]
# Fifty connections that are kept, with pauses that a browser, a pool and a cron job have, and some of everything else.
EVERYTHING = Mix(keepalive="10@5ms,20@1s,20@5s", fresh="2@100ms", get="2@100ms", stream="6@0s")
# Enough to see a loss, and light enough for a release beside it.
SOME = Mix(keepalive="2@5ms,6@200ms", fresh="1@100ms", get="1@100ms", stream="2@0s", stream_path="/v1/stream?seconds=2")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def load_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the load client is compiled into."""
    require_tools()
    return tmp_path_factory.mktemp("load")


@pytest.fixture(scope="session")
def load(load_build: Path) -> LoadClient:
    return LoadClient(load_build)


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[str]:
    """The repository of the backend's images."""
    with backend_image(tmp_path_factory.mktemp("backend"), engine, IMAGE) as repository:
        yield repository


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str
) -> Iterator[FaultStack]:
    """The stack `flt` with a release in each colour; destroyed in the end."""
    stack = FaultStack(tmp_path_factory.mktemp("stack"), engine, backend)
    try:
        stack.create()
        stack.release()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def stack(running: FaultStack) -> FaultStack:
    """The running stack with a good release live."""
    running.settle(pair=False)
    return running


@pytest.fixture
def pair(running: FaultStack) -> FaultStack:
    """The running stack with a good release in each colour."""
    running.settle(pair=True)
    return running
