"""Deployments that are killed, and machines that are not ready: a second `up` takes over."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from ops.lock import wait_for_other
from tests.integration.conftest import CONFIG
from tools.lab.place import place
from tools.lab.processes import Process, end, kill_family, kill_pulumi
from tools.lab.project import Project
from tools.lab.sweep import left, sweep

PLACE = place("itk")
CONFIG_2 = CONFIG | PLACE.settings


@pytest.fixture
def project(tmp_path: Path, engine: docker.DockerClient) -> Iterator[Project]:
    sweep(engine, f"{PLACE.name}-")
    made = Project(tmp_path, PLACE.name, CONFIG_2)
    yield made
    made.deploy("down", check=False)


@pytest.fixture
def orphans() -> Iterator[set[Process]]:
    """What a test's kills have left running; ended after it."""
    left: set[Process] = set()
    yield left
    end(left)


@pytest.mark.alone
def test_killed_again_and_again(project: Project, engine: docker.DockerClient, orphans: set[Process]) -> None:
    """SIGKILL at moments spread over a first deployment; the last one is let through; then nothing is left.

    Every other time the plugins and the step that runs are killed as well."""
    for number, seconds in enumerate((2, 3.5, 5, 7, 9, 12, 16)):
        process = subprocess.Popen(
            ["python3", "-m", "ops", "up", "--stack", project.name],
            cwd=project.folder,
            env=project.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        if number % 2:
            kill_family(process)
        else:
            orphans |= kill_pulumi(process)
    assert "whole answer after" in project.deploy("up").stdout
    project.pulumi("preview", "--expect-no-changes")
    # What Pulumi would write beside its state could be cut off and make the state unreadable: none of it is written.
    assert list(project.backend.rglob("*.json"))
    assert not list(project.backend.rglob("*.attrs"))
    project.deploy("down")
    assert left(engine, f"{PLACE.name}-") == []


def test_killed_while_pulumi_wrote_beside_its_state(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of attributes, which a file backend has unless its address says otherwise, is empty then."""
    url = f"file://{project.backend}"
    project.env["PULUMI_BACKEND_URL"] = url
    project.pulumi("stack", "init")
    (state,) = project.backend.rglob(f"{project.name}.json")
    state.with_name(f"{state.name}.attrs").write_bytes(b"")
    assert "EOF" in project.pulumi("stack", "export", check=False).stderr
    killed = subprocess.Popen(["true"])
    killed.wait()
    lock = project.backend / ".pulumi" / "locks" / "organization" / "orca-agents" / project.name / "1.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"hostname": socket.gethostname(), "pid": killed.pid}))

    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    wait_for_other(project.name)
    assert not lock.exists()
    project.pulumi("stack", "export")


def test_a_port_that_is_taken(project: Project, engine: docker.DockerClient) -> None:
    with socket.create_server(("127.0.0.1", PLACE.https)):
        refused = project.deploy("up", check=False)
    assert refused.returncode == 1
    assert f"edge.httpsPort: 127.0.0.1:{PLACE.https}: another program holds it" in refused.stdout
    assert "Nothing was changed" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr
    assert left(engine, f"{PLACE.name}-") == []


def test_no_engine(project: Project) -> None:
    project.env["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    refused = project.deploy("up", check=False)
    assert refused.returncode == 1
    assert "The Docker engine at unix:///nowhere/docker.sock does not answer" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_bad_configuration_is_refused_before_anything_is_touched(
    project: Project, engine: docker.DockerClient
) -> None:
    project.write({**CONFIG_2, "OLLAMA_MODELS": ["no-tag"], "OLLAMA_MEMORY_LIMIT": "lots"})
    refused = project.deploy("up", check=False)
    assert refused.returncode == 1
    assert "has 2 errors; nothing was changed." in refused.stderr
    project.run("pulumi", "stack", "init", project.name)
    planned = project.pulumi("preview", check=False)
    assert "OLLAMA_MEMORY_LIMIT" in planned.stdout + planned.stderr
    assert "Traceback" not in planned.stdout + planned.stderr
    assert left(engine, f"{PLACE.name}-") == []
