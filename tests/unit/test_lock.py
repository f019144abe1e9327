"""The lock of a deployment in a file backend: which one is the stack's, and what a dead one has left."""

import json
import os
import socket
from pathlib import Path

import pytest

from ops.lock import wait_for_other

OURS, OTHERS = "orca-agents", "another-project"


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    return tmp_path / ".pulumi"


def lock(backend: Path, project: str, stack: str, pid: int) -> Path:
    made = backend / "locks" / "organization" / project / stack / "1.json"
    made.parent.mkdir(parents=True)
    made.write_text(json.dumps({"hostname": socket.gethostname(), "pid": pid}))
    return made


def attributes(backend: Path, project: str, stack: str) -> Path:
    made = backend / "stacks" / project / f"{stack}.json.attrs"
    made.parent.mkdir(parents=True, exist_ok=True)
    made.touch()
    return made


@pytest.fixture
def dead() -> int:
    """The number of a process that is no pulumi."""
    return os.getpid()


def test_what_a_dead_deployment_has_left_is_removed(backend: Path, dead: int) -> None:
    left = [lock(backend, OURS, "dev", dead), attributes(backend, OURS, "dev")]
    wait_for_other("dev")
    assert [path.exists() for path in left] == [False, False]


def test_another_project_and_another_stack_keep_what_is_theirs(backend: Path, dead: int) -> None:
    ours = lock(backend, OURS, "dev", dead)
    theirs = [
        *(lock(backend, project, stack, dead) for project, stack in ((OTHERS, "dev"), (OURS, "dev-2"))),
        *(attributes(backend, project, stack) for project, stack in ((OTHERS, "dev"), (OURS, "dev-2"))),
    ]
    wait_for_other("dev")
    assert not ours.exists()
    assert all(path.exists() for path in theirs)


def test_nobody_waits_for_another_project(
    backend: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.lock._alive", lambda _: True)
    monkeypatch.setattr("ops.lock._POLL", 0)
    lock(backend, OTHERS, "dev", 1)
    wait_for_other("dev", patience=0.01)
    assert capsys.readouterr().err == ""
    lock(backend, OURS, "dev", 1)
    wait_for_other("dev", patience=0.01)
    assert "Another deployment of dev (process 1) is running" in capsys.readouterr().err
