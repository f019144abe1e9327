"""One stack, one load client and one backend image for all fault tests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from benchmarks.load.client import LoadClient, Mix
from tests.faults.backend import build
from tests.faults.stack import FaultStack, require_tools

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
    """The images of the backend by their repository: `:1`, `:2` whose versions end in "b", and `:no-start`, whose
    program is missing."""
    require_tools()
    context = tmp_path_factory.mktemp("backend")
    build.into(context)
    (context / "Dockerfile.no-start").write_text('FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/missing"]\n')
    engine.images.build(path=str(context), tag=f"{IMAGE}:1", rm=True)
    engine.images.build(path=str(context), tag=f"{IMAGE}:2", rm=True, buildargs={"BUILD": "b"})
    engine.images.build(path=str(context), dockerfile="Dockerfile.no-start", tag=f"{IMAGE}:no-start", rm=True)
    yield IMAGE
    for tag in ("1", "2", "no-start"):
        engine.images.remove(f"{IMAGE}:{tag}", force=True)


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
