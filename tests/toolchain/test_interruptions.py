"""Setups that meet each other, and setups that are killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toolchain.conftest import alive
from tools.lab.wait import eventually
from tools.toolchain import cache, paths, processes

Start = Callable[..., "subprocess.Popen[str]"]

# Fills an entry by a command that takes its time, as pip and go do.
SLOW_FILL = """
from pathlib import Path
from tools.toolchain import cache, processes
place = Path({place!r})

def fill(entry):
    (entry / "half").touch()
    processes.run(["sh", "-c", "echo $$ > {place}/command; sleep {seconds}"], log=place / "log")

with cache.lock(place / "lock", print):
    print("has it", flush=True)
    cache.fill(place / "entry", fill)
"""


def slow_fill(place: Path, seconds: float) -> str:
    return SLOW_FILL.format(place=str(place), seconds=seconds)


def test_a_second_setup_waits_and_says_for_whom(tmp_path: Path, started: Start) -> None:
    first = started(slow_fill(tmp_path, 8))  # until the second one, which has to start first, meets its lock
    eventually((tmp_path / "command").exists, 10, "the first one fills")
    second = started(slow_fill(tmp_path, 1))
    output, _ = second.communicate(timeout=60)
    assert first.wait(timeout=5) == 0
    assert output.splitlines() == [str(first.pid), "has it"]


def test_a_killed_setup_is_taken_over_once_its_orphans_are_gone(tmp_path: Path, started: Start) -> None:
    first = started(slow_fill(tmp_path, 2))
    command = tmp_path / "command"
    eventually(lambda: command.exists() and bool(command.read_text()), 10, "it fills")
    orphan = int(command.read_text())
    first.kill()
    first.wait()
    assert alive(orphan)
    assert not cache.is_complete(tmp_path / "entry")

    def whole(entry: Path) -> None:
        assert not alive(orphan)
        (entry / "whole").touch()

    with cache.lock(tmp_path / "lock", print):
        entry = cache.fill(tmp_path / "entry", whole)
    assert sorted(file.name for file in entry.iterdir()) == [".complete", "whole"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_setup_ends_what_it_has_started(homes: Path, started: Start, number: signal.Signals) -> None:
    pid = homes / "pid"
    # A shell starts background jobs with SIGINT ignored, and these tests may run in one.
    code = f"""
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tools.toolchain import commands, prepare, processes

signal.signal(signal.SIGINT, signal.default_int_handler)

def prepared(**options):
    with ThreadPoolExecutor() as pool:
        script = "(sleep 60 & echo $! > {pid}; wait)"
        processes.wait_for([pool.submit(processes.run, ["sh", "-c", script], log=Path({str(homes / "log")!r}))])

prepare.prepare = prepared
raise SystemExit(commands.main(["setup"]))
"""
    process = started(code)
    eventually(lambda: pid.exists() and bool(pid.read_text()), 10, "it has started something")
    grandchild = int(pid.read_text())
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert output == "Interrupted. Finished parts stay. Run the same command again; it continues.\n"
    eventually(lambda: not alive(grandchild), 5, "what it has started has ended")


def test_the_first_failure_ends_the_other_commands(homes: Path, started: Start) -> None:
    code = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tools.toolchain import processes

def run(name, script):
    processes.run(["sh", "-c", script], log=Path({str(homes)!r}) / name)

with ThreadPoolExecutor() as pool:
    parts = [pool.submit(run, "long", "sleep 60"), pool.submit(run, "short", "echo one; echo two; sleep 0.5; exit 3")]
    try:
        processes.wait_for(parts)
    except processes.CommandFailed as failure:
        print(failure.code, repr(failure.output))
"""
    output, _ = started(code).communicate(timeout=20)
    assert output == "3 'one\\ntwo'\n"


def test_output_is_kept_and_told_line_by_line(tmp_path: Path) -> None:
    lines: list[str] = []
    processes.run(["sh", "-c", "echo one; echo two >&2"], log=tmp_path / "log", on_line=lines.append)
    assert lines == ["one", "two"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_command_that_exits_by_itself_keeps_its_code(homes: Path) -> None:
    command = [sys.executable, "-m", "tools.toolchain", "run", "--", "true"]
    asked = subprocess.run(command, cwd=paths.CHECKOUT, env=os.environ, capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert asked.stderr.startswith("This machine is not set up for this checkout yet; nothing was started.\n")
    assert asked.stdout == ""
    assert not (homes / "cache").exists()
