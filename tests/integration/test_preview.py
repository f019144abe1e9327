"""What a preview needs of the engine, by the real program: the Docker provider asks it when it is configured."""

import re
from pathlib import Path

import pytest
import yaml

from components.stack_file import read_stack
from tests.integration.conftest import CONFIG
from tools.lab.project import ROOT, Project
from workloads.stack import stack as everything

COMMENT = 64_000
"""Bytes at which the workflow cuts a comment."""


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


def test_the_production_stack_is_previewed_from_a_clean_checkout(tmp_path: Path) -> None:
    """With the policy pack, without its host and its registry: what a pipeline shows in its comment."""
    written = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    config = {key.removeprefix("orca-agents:"): value for key, value in written.items()}
    project = Project(tmp_path, "prod", config | {"dockerHost": "ssh://nobody@127.0.0.1:1"})
    done = project.deploy("preview", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "takes the stack's last outputs for the truth" in said
    assert "The update creates blue with release" in said
    planned = set(re.findall(r"docker:index:Container (\S+) create", said))
    services = {work.service for work in everything(read_stack("prod")).services}
    assert planned >= services | {"api-blue", "edge-nginx"}
    assert "secure-containers@v1.0.0" in said
    assert len(said.encode()) < COMMENT
