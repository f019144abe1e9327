"""Runs the user's program as a child process, as the official host does."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pulumi.runtime.proto import language_pb2

from tools.standins.language_host import interpreter

# `pulumi-language-python-exec` ends with this code after it has shown the user an error itself.
ALREADY_REPORTED = 32
# Seconds between SIGTERM and SIGKILL of a program. The engine itself waits for 5.
GRACE_SECONDS = 3.0

Process = subprocess.Popen[bytes]
_running: set[Process] = set()
_lock = threading.Lock()


def arguments(request: language_pb2.RunRequest, executor: str, engine: str, tracing: str) -> list[str]:
    """The command line of `pulumi-language-python-exec`, without the interpreter in front."""
    options = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": str(request.dryRun).lower(),
        "parallel": str(request.parallel),
        "tracing": tracing,
        "organization": request.organization,
    }
    given = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    return [executor, *given, request.info.entry_point, *request.args]


def configuration(request: language_pb2.RunRequest) -> dict[str, str]:
    """The environment variables in which the SDK finds the stack's configuration."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def outcome(code: int) -> language_pb2.RunResponse:
    """What a program's exit code (negative: the signal that ended it) means for the engine."""
    if code == 0:
        return language_pb2.RunResponse()
    if code == ALREADY_REPORTED:
        return language_pb2.RunResponse(bail=True)
    if code < 0:
        return language_pb2.RunResponse(error=f"program was ended by signal {-code}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def run(
    python: interpreter.Interpreter, command: list[str], config: dict[str, str], on_start: Callable[[Process], object]
) -> int:
    """Run the program to its end and return its exit code. Its output is this host's, which the engine reads."""
    interpreter.check(python)
    with started(
        [python.executable, *command],
        env=python.environment | config,
        stdin=subprocess.DEVNULL,
        stdout=sys.stdout.fileno(),
        stderr=sys.stderr.fileno(),
    ) as process:
        on_start(process)
        return process.wait()


@contextlib.contextmanager
def started(command: list[str], **options: Any) -> Iterator[Process]:
    """A process that `cancel` ends, and the end of this block too."""
    with _lock:
        process = subprocess.Popen(command, **options)
        _running.add(process)
    try:
        yield process
    finally:
        end(process)
        with _lock:
            _running.discard(process)


def cancel() -> None:
    """End every running program and plugin: SIGTERM, and SIGKILL after the grace period."""
    with _lock:
        programs = list(_running)
    end(*programs)


def end(*programs: Process) -> None:
    """SIGTERM, and SIGKILL after the grace period, for those that still run."""
    for process in programs:
        process.terminate()
    for process in programs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
            continue
        process.kill()
