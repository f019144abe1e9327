"""Kills of a deployer, and the end of what such a kill has left running."""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

PULUMI = "pulumi"


class Process(NamedTuple):
    """A process of this machine: its number, which may be given away again, and its start, in ticks since the boot."""

    pid: int
    start: int

    @property
    def lives(self) -> bool:
        return _start(self.pid) == self.start

    @property
    def is_step(self) -> bool:
        """Whether it runs a step of a release."""
        return "rollout step" in _read(self.pid, "cmdline").replace("\0", " ")


def kill_pulumi(deployer: "subprocess.Popen[Any]") -> set[Process]:
    """SIGKILL for a deployer and for the `pulumi` below it, and for nothing else: the plugins, and the step that runs,
    notice nothing of it. Gives the processes that are left."""
    family = _family([deployer.pid])
    killed = {
        process for process in family if process.pid == deployer.pid or _read(process.pid, "comm").strip() == PULUMI
    }
    _kill(killed)
    deployer.wait(10)
    return family - killed


def kill_family(deployer: "subprocess.Popen[Any]") -> None:
    """SIGKILL for a deployer and everything below it: what is left of it when its machine fails."""
    _kill(_family([deployer.pid]))
    deployer.wait(10)


def end(orphans: Iterable[Process]) -> None:
    """End what a kill has left, and what that has started since."""
    _kill(_family(process.pid for process in orphans if process.lives))


def _family(pids: Iterable[int]) -> set[Process]:
    """These processes and all below them."""
    listed = {pid: _parent_and_start(pid) for pid in (int(place.name) for place in Path("/proc").glob("[0-9]*"))}
    family = set(pids)
    while more := {pid for pid, found in listed.items() if found and found[0] in family} - family:
        family |= more
    return {Process(pid, start) for pid in family if (start := _start(pid))}


def _kill(processes: Iterable[Process]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _read(pid: int, file: str) -> str:
    """A file that the kernel has of a process; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return ""


def _start(pid: int) -> int:
    """When a process began; 0 for one that has ended, whether its parent has taken note of that or not."""
    found = _parent_and_start(pid)
    return found[1] if found else 0


def _parent_and_start(pid: int) -> tuple[int, int] | None:
    """By proc(5); None for a process that has ended."""
    # The second field is the program's name in parentheses, with whatever is in it.
    state, parent, *rest = _read(pid, "stat").rpartition(")")[2].split() or ["X", "0"]
    return None if state in "ZX" else (int(parent), int(rest[17]))
