"""Child processes that end with this process. Each has a process group of its own, and the whole group ends."""

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future

# Between the request to end and the kill of a group, in seconds.
GRACE_SECONDS = 5.0
# How many of the last lines of output an error carries.
TAIL_LINES = 15

_groups: set["subprocess.Popen[str]"] = set()
_lock = threading.Lock()
_inherited: set[int] = set()
_ending = threading.Event()


class CommandFailed(Exception):
    """A command ended with an exit code other than 0. The text is the end of its output."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        super().__init__(output)
        self.command = list(command)
        self.code = code
        self.output = output


class Ended(Exception):
    """`end_all` was called, so no command starts any more."""


def run(
    command: Sequence[str],
    *,
    log: Path,
    on_line: Callable[[str], None] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end. Its output goes to `log` and, line by line, to `on_line`.

    Raises CommandFailed if its exit code is not 0, Ended if `end_all` came first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with log.open("w", encoding="utf-8") as sink:
        process = _start(command, cwd, env)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                sink.flush()
                tail.append(line.rstrip())
                if on_line:
                    on_line(line.rstrip())
            code = process.wait()
        finally:
            _end([process])
            with _lock:
                _groups.discard(process)
    if _ending.is_set():
        raise Ended
    if code != 0:
        raise CommandFailed(command, code, "\n".join(tail))


def end_all() -> None:
    """End every running command with its children, and start no more commands."""
    _ending.set()
    with _lock:
        processes = list(_groups)
    _end(processes)


def wait_for(parts: "Sequence[Future[Any]]") -> None:
    """Wait for work in other threads that run commands. At the first failure, end all commands and raise it."""
    from concurrent.futures import FIRST_EXCEPTION, wait  # most commands wait for nothing

    try:
        done, running = wait(parts, return_when=FIRST_EXCEPTION)
        if any(part.exception() for part in done):
            end_all()
            wait(running)
            # One failure ended the other commands. It need not be the first in this list.
            causes = [error for part in parts if (error := part.exception())]
            raise next((error for error in causes if not isinstance(error, Ended)), causes[0])
    except KeyboardInterrupt:
        end_all()
        raise


@contextmanager
def inheriting(descriptor: int) -> Iterator[None]:
    """A command that starts in this block inherits the file descriptor and keeps it open for as long as it runs."""
    _inherited.add(descriptor)
    try:
        yield
    finally:
        _inherited.discard(descriptor)


def _start(command: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> "subprocess.Popen[str]":
    with _lock:
        if _ending.is_set():
            raise Ended
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=tuple(_inherited),
        )
        _groups.add(process)
        return process


def _end(processes: list["subprocess.Popen[str]"]) -> None:
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        _signal(process, signal.SIGTERM)
    for process in alive:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        # Also if the leader has ended: the group may still have other processes.
        _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[str]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
