"""The command line: exit codes, one message for a mistake, and what is not on the way of a rollback."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from engine.__main__ import STEPS
from engine.__main__ import main as finish
from engine.errors import NeedsPerson, Refused, Undone, Usage
from rollout import commands
from rollout.__main__ import main
from rollout.colours import Replica
from rollout.gate import NOT_ASKED, passes
from rollout.journal import Journal, Phase
from rollout.stack import Stack
from rollout.status import ColourStatus, Status, _health, age, as_json, remarks, show

ROOT = Path(__file__).parent.parent.parent
NOWHERE = "tcp://127.0.0.1:1"
STATUS = Status(
    stack="x",
    marker="blue",
    damage="",
    journal=Journal().flipped("blue", "q" * 12, "release", "2026-01-01T00:00:00Z").timed(38),
    colours={
        "blue": ColourStatus(
            release="q" * 12,
            image="registry.example.com/team/api:1.2.3",
            health="not ready (404)",
            in_flight=3,
            restarts=1,
            since="2026-01-01T00:00:00+00:00",
        ),
        "green": None,
    },
)


def test_exit_codes() -> None:
    assert [error.code for error in (Usage, Refused, Undone, NeedsPerson)] == [2, 3, 4, 5]


@pytest.mark.parametrize("words", [[], ["flip"], ["flip", "--to", "red"], ["rollbak"], ["allow"]])
def test_misuse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m rollout" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["dance"], ["before"], ["preflight"], ["release"]])
def test_a_step_says_what_it_lacks(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    assert main(["step", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("words", [[], ["dance"], *([step] for step in STEPS)])
def test_so_does_one_that_finishes_a_container(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    assert finish(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("words", [["status"], ["rollback"], ["promote"], ["repair"], ["flip", "--to", "blue"]])
def test_an_engine_that_does_not_answer_is_one_message(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    assert main(words) == 5
    text = capsys.readouterr().err
    assert f"The Docker engine at {NOWHERE} does not answer" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "program",
    [
        "from rollout.__main__ import main; main(['--help'])",
        "from ops.__main__ import main; main(['containers', '--stack', 'prod'])",
        "from tests.unit.test_rollout_cli import STATUS, show; show(STATUS)",
        "from tests.unit.test_rollout_cli import STATUS, as_json; print(as_json(STATUS))",
    ],
)
def test_a_reader_who_has_seen_enough_is_no_error(program: str, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    whole = f"import sys; from engine.output import while_read\nwith while_read(sys.stdout):\n    {program}"
    ended = subprocess.run(
        [sys.executable, "-c", whole],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_mistake_is_a_mistake_though_nobody_reads_of_it() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rollout", "step", "dance"]
    ended = subprocess.run(command, cwd=ROOT, stderr=writer, check=False, timeout=60)
    os.close(writer)
    assert ended.returncode == Usage.code


def test_a_rollback_does_not_wait_for_what_it_does_not_need() -> None:
    """Neither Pulumi nor the settings nor a table nor the docker package: each costs more than the flip."""
    program = "import sys, rollout.__main__, rollout.stack, rollout.commands; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert {"engine.quick", "rollout.flip"} <= set(loaded)
    assert {"docker", "requests", "urllib3"}.isdisjoint(loaded)
    assert {"pulumi", "pydantic", "rich", "jinja2", "yaml", "grpc", "cryptography", "paramiko"}.isdisjoint(loaded)
    assert {"rollout.release", "rollout.watch", "rollout.status", "workloads.workload"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ([200], True),
        ([204, 200], True),
        ([200, 503], False),
        ([0], False),
        ([302], False),
        ([], False),
        ([200, NOT_ASKED], True),
        ([NOT_ASKED], False),
    ],
)
def test_readiness(codes: list[int], verdict: bool) -> None:
    assert passes(codes) is verdict


AT = "2026-01-01T00:00:00Z"
LIVE = Journal().flipped("blue", "q" * 12, "release", AT)


@pytest.mark.parametrize(
    ("journal", "standby"),
    [
        (LIVE, ""),
        (LIVE.at_phase("starting", "green", AT), "r" * 12),
        (LIVE.at_phase("gating", "green", AT), "r" * 12),
        (LIVE.reject("r" * 12, "5 of 9 failed on green", AT), "r" * 12),
    ],
)
def test_no_way_back_by_a_flip_says_the_way_by_an_update(
    journal: Journal, standby: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release attempt takes the standby's place, also one that fails."""
    blue = Replica(name="x-api-blue", colour="blue", index=0, release="q" * 12)
    green = (Replica(name="x-api-green", colour="green", index=0, release=standby),) if standby else ()
    seen = SimpleNamespace(journal=journal, colours={"blue": (blue,), "green": green})
    monkeypatch.setattr(commands, "_look", lambda _stack, **_: seen)
    with pytest.raises(
        Refused, match=r"blue stays live.*put its configuration back in Pulumi\.x\.yaml, then run `make up"
    ):
        commands.rollback(cast(Stack, SimpleNamespace(name="x")))


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ("2026-01-01T00:00:00.123456789Z", "1d 11h"),
        ("2026-01-02T11:54:50Z", "5m 10s"),
        ("2026-01-02T11:59:59Z", "1s"),
        ("2026-01-02T12:00:00Z", "0s"),
        ("2026-01-02T12:00:07Z", "0s"),
        ("", "-"),
    ],
)
def test_age(since: str, text: str) -> None:
    assert age(since, datetime(2026, 1, 2, 12, tzinfo=UTC)) == text


@pytest.mark.parametrize(("of", "said"), [(0, "ready"), (1, "ready"), (2, "1 of 2")])
def test_a_colour_says_how_many_of_its_containers_are_left(of: int, said: str) -> None:
    assert _health((Replica(name="x-api-blue", colour="blue", index=0, of=of),), [200]) == said


def test_a_colour_that_has_not_been_live_is_no_standby(capsys: pytest.CaptureFixture[str]) -> None:
    pair = replace(STATUS, colours={"blue": STATUS.colours["blue"], "green": STATUS.colours["blue"]})
    rows = []
    for status in (pair, replace(pair, standby="green")):
        show(status)
        rows += [
            line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith((" green", "green"))
        ]
        assert set(json.loads(as_json(status))) == set(json.loads(as_json(STATUS))), "scripts rely on it"
    assert rows == ["unreleased", "standby"]


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (
            "gating",
            "Not finished: green is at gating (since 2026-01-02T00:00:00Z). If no `pulumi up` runs, the last one",
        ),
        ("waiting", "green has passed the gate and waits (since 2026-01-02T00:00:00Z): `make promote` makes it live."),
    ],
)
def test_what_is_not_finished_is_not_said_to_be_under_way(phase: Phase, said: str) -> None:
    line = remarks(replace(STATUS, journal=STATUS.journal.at_phase(phase, "green", "2026-01-02T00:00:00Z")))[0]
    assert line.startswith(said)
    assert "nder way" not in line


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert '"inFlight": 3' in as_json(STATUS)
    assert '"green": null' in as_json(STATUS)
    assert json.loads(as_json(replace(STATUS, down={"x-ollama": "exited"})))["down"] == {"x-ollama": "exited"}
    assert remarks(STATUS) == ["2026-01-01T00:00:00Z  nothing -> blue  qqqqqqqqqqqq  release, 38 ms"]
    show(STATUS)
    assert "registry.example.com/team/api:1.2.3" in capsys.readouterr().out, "whole, on a terminal of 80 columns too"
