"""The pipelines: linted, with least rights and pinned actions; shell steps run as far as they need no service."""

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.lab.project import ROOT, Project
from tools.toolchain.pins import pinned

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
STORES = ROOT / "stores"
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
        assert used == {"pulumi-version": pinned("pulumi")}
    assert f"pulumi-python-3.13:{pinned('pulumi')}" in (ROOT / "docs" / "gitlab-ci.yml").read_text()


def test_nothing_is_deployed_before_the_policy_pack_has_seen_it() -> None:
    """By `ops preview`, which has a time limit for the pack's start."""
    gitlab = yaml.safe_load((ROOT / "docs" / "gitlab-ci.yml").read_text())["deploy"]["script"]
    for lines in (step("deploy", "Plan and deploy")["run"].splitlines(), gitlab):
        plan = lines.index("python -m ops preview --stack prod")
        assert lines[plan + 1].startswith("pulumi up --stack prod ")
        assert "--policy-pack policy" in lines[plan + 1]


def test_pulumi_gets_the_way_to_the_state_and_a_deployment_that_to_the_stores() -> None:
    state = {
        "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE",
        "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    }  # fmt: skip
    # Only what is secret: the rest has a setting, or is a file of the runner.
    secret = r"\b(?:DOPPLER|VAULT)_(?:TOKEN|SECRET_ID)\b"
    stores = set(re.findall(secret, "".join(map(Path.read_text, STORES.glob("*.py")))))
    assert len(stores) == 3
    plan, deploy = step("preview", "Plan")["env"], step("deploy", "Plan and deploy")["env"]
    assert plan.keys() == state
    assert deploy.keys() - {"PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"} == state | stores
    for file, names in (("preview", state), ("deploy", stores)):
        head = (FOLDER / f"{file}.yml").read_text().split("\nname:")[0]
        assert [name for name in names if name not in head] == []


def test_a_plan_that_fails_is_the_comment_too(tmp_path: Path) -> None:
    """The preview is the real one, of a stack that breaks a rule; `gh` writes down what it is asked."""
    written = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    config = {key.removeprefix("orca-agents:"): value for key, value in written.items()}
    project = Project(tmp_path, "prod", config | {"dockerHost": "ssh://nobody@127.0.0.1:1"})
    programs = project.folder / "Pulumi.yaml"
    programs.write_text(programs.read_text().replace('"*-nginx"', '"nothing"'))  # no excuse for the edge's ports
    plan = step("preview", "Plan")
    assert plan["shell"] == "bash"
    done = project.run("bash", "-eo", "pipefail", "-c", plan["run"], check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "[mandatory]  published-port" in done.stdout

    comment = step("preview", "Comment")
    assert comment["if"] == "${{ !cancelled() && steps.plan.outcome != 'skipped' }}"
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >asked\n')
    (tmp_path / "gh").chmod(0o755)
    project.env |= {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PULL_REQUEST": "https://github.com/a/b/pull/1",
    }
    project.run("bash", "-e", "-c", comment["run"])
    asked = (project.folder / "asked").read_text().split()
    assert asked[:3] == ["pr", "comment", "https://github.com/a/b/pull/1"]
    shown = (project.folder / asked[asked.index("--body-file") + 1]).read_text()
    assert shown == f"```\n{done.stdout}\n```\n"
    assert (tmp_path / "summary").read_text() == shown


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("orca-agents:dockerHost: ssh://deploy@llm-1.example.com", 0),
        ("orca-agents:dockerHost: 'tcp://llm-1.example.com:2376'", 0),
        ("orca-agents:dockerHost: unix:///var/run/docker.sock", 1),
        ("# orca-agents:dockerHost: ssh://deploy@llm-1.example.com", 1),
        ("orca-agents:IMAGE_TAG: 1.0.0", 1),
    ],
)
def test_production_is_never_deployed_on_the_runner_itself(tmp_path: Path, line: str, code: int) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(f"config:\n  {line}\n")
    (job,) = workflow("deploy")["jobs"].values()
    assert "uses" in job["steps"][0]
    gitlab = yaml.safe_load((ROOT / "docs" / "gitlab-ci.yml").read_text())["deploy"]["script"]
    for script in (job["steps"][1]["run"], gitlab[0]):
        done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("Nothing was changed" in done.stderr) == bool(code)


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


def test_gitlab_installs_what_its_image_has_not() -> None:
    """The image is Debian's slim one, with Python, curl, git and the CLI. The engine's client calls ssh."""
    had = {
        "apt-get", "cat", "curl", "echo", "exit", "export", "grep", "install", "policy/venv/bin/pip",
        "policy/venv/bin/python", "printf", "pulumi", "python", "python3",
    }  # fmt: skip
    found = yaml.safe_load((ROOT / "docs" / "gitlab-ci.yml").read_text())
    for job in ("preview", "deploy"):
        lines = [*found[job]["before_script"], *found[job]["script"], *found[job].get("after_script", [])]
        script = re.sub(r"'[^']*'|\"[^\"]*\"", "text", re.sub(r"\\\n", " ", "\n".join(lines)))
        script = re.sub(r"#.*|failed=.*", "", script)
        used = {part.split()[0] for part in re.split(r"\|+|&&|[\n{};]", script) if part.strip()} | {"ssh"}
        assert "pulumi" in used
        (names,) = re.findall(r"apt-get install (.*)", lines[0])
        installed = {"ssh" if name == "openssh-client" else name for name in names.split() if name[0] != "-"}
        assert used - had <= installed
        assert installed <= {"jq", "ssh"}
