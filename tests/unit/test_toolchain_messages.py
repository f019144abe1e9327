"""What users are told: one message, with what happened, how things stand and what to do next."""

import errno
import io
from pathlib import Path

import pytest

from tools.lab.wait import eventually
from tools.toolchain import doctor, engine, problems
from tools.toolchain.doctor import Finding
from tools.toolchain.progress import Progress

LOG = Path("/tmp/step.log")


def explained(output: str) -> str:
    return str(problems.explain("python packages", output, registry="the package index", log=LOG))


@pytest.mark.parametrize(
    "output",
    [
        "WARNING: Retrying after connection broken by 'NameResolutionError: Temporary failure in name resolution'",
        "dial tcp 10.0.0.1:443: connect: connection refused",
        "Err:1 http://mirror stable InRelease\n  Temporary failure resolving 'mirror'",
    ],
)
def test_an_unreachable_registry_is_named_with_what_to_check(output: str) -> None:
    message = explained(output)
    assert message.startswith("python packages: cannot reach the package index.")
    assert "run the same command again" in message
    assert str(LOG) in message


@pytest.mark.parametrize("output", ["write /x: no space left on device", "OSError: [Errno 28] No space left on device"])
def test_a_full_disk_is_said_with_how_much_is_needed(output: str) -> None:
    message = explained(output)
    assert "a disk is full" in message
    assert "10 GB" in message


def test_any_other_failure_shows_its_last_lines() -> None:
    assert "    undefined: x" in explained("main.go:1\nundefined: x")


def test_errors_of_the_system_that_users_can_solve_become_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCA_CACHE", "/homes/cache")
    full = problems.from_os_error(OSError(errno.ENOSPC, "No space left on device"))
    forbidden = problems.from_os_error(PermissionError(errno.EACCES, "Permission denied", "/homes/cache/venv"))
    assert "a disk is full" in str(full)
    assert "free for /homes/cache" in str(full)
    assert "/homes/cache/venv cannot be used (Permission denied)" in str(forbidden)
    assert problems.from_os_error(FileNotFoundError(errno.ENOENT, "No such file", "settings.yaml")) is None


def test_the_table_aligns_its_columns_and_gives_each_advice_once() -> None:
    findings = [
        Finding("go", "ok", "1.26.8"),
        Finding("images", "missing", "", advice="set up"),
        Finding("plugin", "missing", "", "stand-in", advice="set up"),
    ]
    assert doctor.table(findings).splitlines() == [
        "        STATE    FOUND   WAY",
        "go      ok       1.26.8",
        "images  missing",
        "plugin  missing          stand-in",
        "",
        "images, plugin: set up",
    ]


def test_progress_is_silent_until_something_is_done() -> None:
    stream = io.StringIO()
    step = Progress(stream).step("pulumi CLI")
    assert stream.getvalue() == ""
    with step.doing("building"):
        step.detail("packages compiled: 7")
        step.mention()
    assert stream.getvalue().splitlines() == [
        "[   0 s] pulumi CLI: building",
        "[   0 s] pulumi CLI: building, packages compiled: 7, 0 s",
        "[   0 s] pulumi CLI: done in 0 s",
    ]


def test_a_step_within_a_step_is_over_silently() -> None:
    stream = io.StringIO()
    step = Progress(stream).step("python packages")
    with step.doing("installing"):
        with step.doing("installing python3-venv"):
            step.mention()
        step.mention()
    assert [line.partition(": ")[2] for line in stream.getvalue().splitlines()] == [
        "installing",
        "installing python3-venv",
        "installing python3-venv, 0 s",
        "installing, 0 s",
        "done in 0 s",
    ]


def test_progress_mentions_what_goes_on() -> None:
    stream, beat = io.StringIO(), 0.01
    progress = Progress(stream, beat)
    with progress.running(), progress.step("pulumi CLI").doing("building"):
        eventually(lambda: "pulumi CLI: building, 0 s" in stream.getvalue(), 5, "it is mentioned")


def test_an_engine_in_its_usual_places_is_started_without_options() -> None:
    assert engine.Roots().command() == ["dockerd"]


def test_an_engine_in_other_places_is_told_all_of_them() -> None:
    roots = engine.Roots(Path("/e/sock"), Path("/e/data"), Path("/e/run"), Path("/e/pid"), ("--bridge=none",))
    assert roots.command() == [
        "dockerd",
        "--host=unix:///e/sock",
        "--data-root=/e/data",
        "--exec-root=/e/run",
        "--pidfile=/e/pid",
        "--bridge=none",
    ]
