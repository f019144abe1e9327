"""What tests of several folders share: an engine, the load client, the small backend."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tools.lab.backend import image
from tools.lab.load.client import LoadClient
from tools.lab.place import own
from tools.lab.sweep import sweep_images

# What a test starts has the environment of a user, whose Python buffers what it writes into a pipe.
os.environ.pop("PYTHONUNBUFFERED", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="where to write the pictures of the documentation")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    for tool in ("pulumi", "go", "docker"):
        if shutil.which(tool) is None:
            pytest.fail(f'Tests with an engine need {tool} in PATH: eval "$(make -s env)"', pytrace=False)
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def load_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the load client is compiled into."""
    return tmp_path_factory.mktemp("load")


@pytest.fixture(scope="session")
def load(load_build: Path) -> LoadClient:
    return LoadClient(load_build)


@pytest.fixture(scope="session")
def backend(engine: docker.DockerClient) -> Iterator[str]:
    """The repository of the small backend's images."""
    repository = own("orca-lab-backend")
    yield image.build(engine, repository)
    sweep_images(engine, f"{repository}:")
