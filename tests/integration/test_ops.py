"""What the commands around Pulumi leave in a checkout under version control."""

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tools.lab.place import place
from tools.lab.project import Project, whole
from tools.lab.sweep import left, sweep

PLACE = place("itg")
KEY = "0123456789abcdef" * 2


@pytest.fixture
def project(tmp_path: Path, engine: docker.DockerClient) -> Iterator[Project]:
    """A checkout with its own repository, in which nothing is deployed yet."""
    sweep(engine, f"{PLACE.name}-")
    made = Project(tmp_path, PLACE.name, whole(PLACE, ollama={"cpus": "2"}, rollout={"watch": "2s"}))
    git(made, "init", "--quiet")
    commit(made)
    yield made
    made.deploy("down", check=False)


def git(project: Project, *words: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    return project.run("git", *who, *words).stdout


def commit(project: Project) -> None:
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "as people have written it")


def changed(project: Project) -> str:
    return git(project, "status", "--porcelain") and git(project, "diff")


def test_only_people_change_the_stacks_file(project: Project, engine: docker.DockerClient) -> None:
    assert "whole answer after" in project.deploy("up").stdout
    assert changed(project) == ""
    project.deploy("preview")
    assert changed(project) == ""
    assert "whole answer after" in project.deploy("release").stdout
    assert changed(project) == "", "IMAGE_TAG is local: it means this checkout's image already"

    # A plain pulumi in the same environment finds the same stack; what it notes is what the state holds.
    project.pulumi("preview", "--expect-no-changes")
    (noted,) = (line for line in project.file.read_text().splitlines() if line.startswith("encryptionsalt"))
    assert noted.split(": ")[1] in project.pulumi("stack", "export").stdout

    # A secret that is set by hand, in a file without that note, is in force; the file is kept as it is.
    git(project, "checkout", "--quiet", ".")
    project.pulumi("config", "set", "--secret", "--path", "edge.apiKeys.a.keys[0]", KEY)
    commit(project)
    before = project.file.read_text()
    assert "secure:" in before
    assert noted in before
    assert "whole answer after" in project.deploy("up").stdout
    assert project.file.read_text() == before
    assert KEY not in json.dumps(project.pulumi("stack", "export").stdout)

    project.deploy("down")
    assert changed(project) == ""
    assert left(engine, f"{PLACE.name}-") == []


def test_a_secret_with_a_salt_of_its_own_can_be_read_too(project: Project) -> None:
    """Such is noted by a pulumi that does not take the salt from the state; older checkouts have it."""
    project.pulumi("stack", "init")
    git(project, "checkout", "--quiet", ".")
    del project.env["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"]
    project.pulumi("config", "set", "--secret", "--path", "edge.apiKeys.a.keys[0]", KEY)
    (noted,) = (line for line in project.file.read_text().splitlines() if line.startswith("encryptionsalt"))
    assert noted.split(": ")[1] not in project.pulumi("stack", "export").stdout
    commit(project)
    project.deploy("preview")
    assert changed(project) == ""
