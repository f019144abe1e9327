"""The whole stack and the edge's stack for the tests of this folder."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

import images
from tests.integration.edge import EdgeStack
from tools.lab.place import place
from tools.lab.project import Project, whole
from tools.lab.sweep import sweep
from tools.toolchain import base_image
from tools.toolchain import images as builds
from tools.toolchain.progress import Progress

PLACE = place("it")
_BROWSER = Path(__file__).parent / "browser"
CONFIG = whole(PLACE, ollama={"cpus": "2"}, rollout={"watch": "2s"})


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Project]:
    """The whole stack, up and answering; destroyed in the end."""
    sweep(engine, f"{PLACE.name}-")
    project = Project(tmp_path_factory.mktemp("stack"), PLACE.name, CONFIG)
    try:
        answer = project.deploy("up").stdout
        assert "whole answer after" in answer
        yield project
    finally:
        project.deploy("down", check=False)


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str) -> Iterator[EdgeStack]:
    """The edge with the small backend; destroyed in the end."""
    stack = EdgeStack(tmp_path_factory.mktemp("edge"), engine, backend, place("ed"))
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


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder for pictures of the documentation: that of `--pictures`, else one of the test's own."""
    wanted: str | None = request.config.getoption("pictures")
    return Path(wanted) if wanted else tmp_path


@pytest.fixture(scope="session")
def browser() -> str:
    """The image of the browser. It stays on the engine, under a tag that its content makes: a build takes a minute."""
    digest = hashlib.sha256((images.digest(images.BASE) + (_BROWSER / "Dockerfile").read_text()).encode()).hexdigest()
    reference = f"orca-agents/browser:{digest[:12]}"
    if not builds.exists(reference):
        base = base_image.ensure(Progress().step("base image"))
        build = ["docker", "build", "--quiet", "--build-arg", f"DEBIAN={base}", "--tag", reference, str(_BROWSER)]
        subprocess.run(build, check=True, timeout=600, env=builds.environment())
    return reference
