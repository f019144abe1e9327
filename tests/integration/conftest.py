"""One deployed stack for all tests of this folder, and an engine to look at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.edge import EdgeStack
from tools.lab.project import Project, sweep
from tools.lab.stack import backend_image

CONFIG: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "IMAGE_TAG": "local",
    "OLLAMA_MODELS": ["tiny-random:latest"],
    "OLLAMA_MEMORY_LIMIT": "2G",
    "OLLAMA_MEMORY_RESERVATION": "256M",
    "ollama": {"cpus": "2"},
    "api": {"marksStreams": True},
    "models": {"mirror": "local", "keep": False},
    "edge": {"bind": "127.0.0.1", "httpPort": 18080, "httpsPort": 18443},
    "network": {"cidr": "10.77.32.0/20"},
    "rollout": {"watch": "2s"},
}


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Project]:
    """The stack `it`, up and answering; destroyed in the end."""
    sweep(engine, "it-")
    base = tmp_path_factory.mktemp("stack")
    project = Project(base / "checkout", base / "state", "it", CONFIG)
    try:
        answer = project.deploy("up").stdout
        assert "whole answer after" in answer
        yield project
    finally:
        project.deploy("down", check=False)


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[str]:
    """The repository of the image behind the edge stacks."""
    with backend_image(tmp_path_factory.mktemp("backend"), engine, "orca-edge-backend") as repository:
        yield repository


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str) -> Iterator[EdgeStack]:
    """The stack `ed`: the edge with a small backend; destroyed in the end."""
    base = tmp_path_factory.mktemp("edge")
    stack = EdgeStack(base, engine, backend, name="ed", ports=(18700, 18710), cidr="10.80.0.0/20")
    try:
        stack.create()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def config() -> dict[str, Any]:
    """A copy of the stack's configuration, to change and write."""
    return dict(CONFIG)


@pytest.fixture
def ca(stack: Project, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(stack.outputs()["ca"])
    return path
