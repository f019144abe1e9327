"""One small stack for the fault tests of a process, and the loads that they send."""

import os
import shutil
from collections.abc import Iterator

import docker
import pytest

from tools.lab.load.client import Mix
from tools.lab.place import place
from tools.lab.stack import SmallStack

# An engine of a test's own takes root, and dockerd on this machine.
if os.geteuid() != 0 or shutil.which("dockerd") is None:
    collect_ignore = ["test_engine.py", "test_bring.py"]
# Fifty connections that are kept, with pauses that a browser, a pool and a cron job have, and some of everything else.
EVERYTHING = Mix(keepalive="10@5ms,20@1s,20@5s", fresh="2@100ms", get="2@100ms", stream="6@0s")
# Enough to see a loss, and light enough for a release beside it.
SOME = Mix(keepalive="2@5ms,6@200ms", fresh="1@100ms", get="1@100ms", stream="2@0s", stream_path="/v1/stream?seconds=2")


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str
) -> Iterator[SmallStack]:
    """The stack `flt` with a release in each colour; destroyed in the end."""
    stack = SmallStack(tmp_path_factory.mktemp("stack"), engine, backend, place("flt"))
    try:
        stack.create()
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
