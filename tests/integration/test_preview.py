"""What a preview needs of the engine, by the real program: the Docker provider asks it when it is configured."""

from pathlib import Path

import pytest

from tests.integration.conftest import CONFIG
from tools.lab.project import Project


def preview(folder: Path, host: str) -> tuple[int, str]:
    project = Project(folder, "preview", CONFIG | {"dockerHost": host})
    project.pulumi("stack", "init")
    done = project.pulumi("preview", check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer_fails_a_preview(tmp_path: Path, host: str) -> None:
    code, said = preview(tmp_path, host)
    assert code != 0
    assert "failed to connect to any docker daemon" in said
    assert f"The Docker engine at {host} does not answer" in said
    assert "Traceback" not in said


def test_an_engine_over_ssh_that_does_not_answer_is_previewed(tmp_path: Path) -> None:
    code, said = preview(tmp_path, "ssh://nobody@127.0.0.1:1")
    assert code == 0, said
    assert "takes the stack's last outputs for the truth" in said
