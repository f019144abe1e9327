"""The pipelines: linted, with least rights and pinned actions; shell steps run as far as they need no service."""

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.lab.project import ROOT
from tools.toolchain.pins import pinned

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
# Those of `on` in YAML 1.1, as PyYAML reads it.
ON = True


def workflow(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text())


def step(name: str, called: str) -> Any:
    (job,) = workflow(name)["jobs"].values()
    return next(found for found in job["steps"] if found.get("name") == called)


def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["go", "run", ACTIONLINT, *map(str, FILES)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(FILES[0].read_text().replace("runs-on:", "run-on:"))
    assert subprocess.run(["go", "run", ACTIONLINT, str(wrong)], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_actions_are_pinned_and_rights_are_few(file: Path) -> None:
    found = workflow(file.stem)
    assert found["permissions"] == {}
    for line in re.findall(r"uses: (.*)", file.read_text()):
        assert re.fullmatch(r"[a-z]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    for job in found["jobs"].values():
        assert job["permissions"].items() <= {"contents": "read", "pull-requests": "write"}.items()
        assert job["timeout-minutes"]


def test_secrets_are_out_of_reach_of_forks() -> None:
    preview = workflow("preview")
    assert ON in preview
    assert "pull_request_target" not in preview[ON]
    assert "head.repo.full_name == github.repository" in preview["jobs"]["preview"]["if"]
    assert "secrets." not in (FOLDER / "ci.yml").read_text()


def test_pulumi_has_the_version_of_the_project() -> None:
    for name in ("preview", "deploy"):
        (job,) = workflow(name)["jobs"].values()
        (used,) = (found["with"] for found in job["steps"] if "pulumi/actions" in found.get("uses", ""))
        assert used["pulumi-version"] == pinned("pulumi")
        assert used["policyPacks"] == "policy"
    assert f"pulumi-python:{pinned('pulumi')}" in (ROOT / "docs" / "gitlab-ci.yml").read_text()


def test_the_way_to_the_host_is_for_its_owner_alone(tmp_path: Path) -> None:
    given = {"HOME": str(tmp_path), "KEY": "line 1\nline 2", "KNOWN_HOSTS": "host ssh-ed25519 AAAA"}
    script = step("deploy", "The way to the Docker host")["run"]
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=os.environ | given, check=True)
    folder = tmp_path / ".ssh"
    assert (folder / "id_deploy").read_text() == "line 1\nline 2\n"
    assert stat.S_IMODE((folder / "id_deploy").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shown = subprocess.run(["ssh", "-F", str(folder / "config"), "-G", "x"], capture_output=True, text=True, check=True)
    assert "stricthostkeychecking true" in shown.stdout
    subprocess.run(["bash", "-c", step("deploy", "Remove the key")["run"]], env=os.environ | given, check=True)
    assert not (folder / "id_deploy").exists()


def test_gitlab_has_the_same_jobs() -> None:
    found = yaml.safe_load((ROOT / "docs" / "gitlab-ci.yml").read_text())
    assert {"test", "preview", "deploy"} <= found.keys()
