"""Run one command: live output, its standard output and error, and an early end when the engine cancels."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from tools.standins.protocol.patience import Interrupted, Patience
from tools.standins.protocol.provider import Failed

SHELL = ("/bin/sh", "-c")
# How often to look whether the command ended or the engine cancelled, in seconds.
STEP_SECONDS = 0.02
# Time between asking a cancelled command to end and killing it, in seconds.
END_SECONDS = 3.0
# How long to read on when the command ended but something it started holds its output open, in seconds.
LINGER_SECONDS = 2.0


@dataclass(frozen=True)
class Command:
    """What to run. `environment` comes on top of the plugin's own; `stdin` is the whole standard input."""

    text: str
    interpreter: Sequence[str] = SHELL
    directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None


@dataclass(frozen=True)
class Output:
    """What a command wrote, each without its last line end."""

    stdout: str
    stderr: str


def run(command: Command, patience: Patience, show: Callable[[str, str], None]) -> Output:
    """Run to the end. `show` gets each line as it comes, after the name of its stream ("stdout", "stderr").

    Raises Failed with the command and all its output when it cannot start, exits non-zero or is interrupted.
    """
    try:
        process = subprocess.Popen(
            [*command.interpreter, command.text],
            cwd=command.directory,
            env={**os.environ, **command.environment},
            stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own, so that what it starts ends with it
        )
    except OSError as error:
        raise Failed(f"{error}: running {json.dumps(command.text, ensure_ascii=False)}") from None
    capture = _Capture(process, command.stdin, show)
    try:
        while process.poll() is None:
            patience.sleep(STEP_SECONDS)
        ending = _ending(process.returncode)
    except Interrupted as error:
        _end(process)
        ending = str(error)
    capture.finish()
    if ending:
        raise Failed(f"{ending}: running {json.dumps(command.text, ensure_ascii=False)}:\n{capture.text()}")
    return Output(capture.text("stdout").removesuffix("\n"), capture.text("stderr").removesuffix("\n"))


class _Capture:
    """Reads both streams in threads, keeping the order in which lines came."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: str | None, show: Callable[[str, str], None]) -> None:
        self._lines: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._show = show
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        self._threads = [
            threading.Thread(target=self._read, args=(name, pipe), daemon=True) for name, pipe in streams.items()
        ]
        if stdin is not None:
            self._threads.append(threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True))
        for thread in self._threads:
            thread.start()

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        for raw in pipe:
            line = raw.decode(errors="replace")
            with self._lock:
                self._lines.append((name, line))
            self._show(name, line.removesuffix("\n"))

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(LINGER_SECONDS)

    def text(self, stream: str | None = None) -> str:
        with self._lock:
            return "".join(line for name, line in self._lines if stream in (None, name))


def _feed(pipe: IO[bytes], text: str) -> None:
    try:
        with pipe:
            pipe.write(text.encode())
    except BrokenPipeError:
        return  # the command does not read its input: that is its own affair


def _ending(code: int) -> str:
    """How the command failed, in the words of Go's os/exec; empty if it did not."""
    if code < 0:
        return f"signal: {signal.strsignal(-code) or -code}".lower()
    return f"exit status {code}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ending)
            process.wait(END_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
