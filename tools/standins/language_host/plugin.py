"""Runs a plugin that is written in Python, such as a policy pack, and hands its output to the engine."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import IO

from pulumi.runtime.proto import language_pb2

from tools.standins.language_host import interpreter, program

# Where the official host looks if the plugin names no virtual environment: it never takes the ambient Python.
VIRTUALENV = "venv"
_CHUNK = 65536


def python(info: language_pb2.ProgramInfo) -> interpreter.Interpreter:
    """The interpreter of the plugin's virtual environment. Raises UnusableProgram if it is not there."""
    wanted = language_pb2.ProgramInfo()
    wanted.CopyFrom(info)
    if "virtualenv" not in wanted.options:
        wanted.options["virtualenv"] = VIRTUALENV
    found = interpreter.for_program(wanted)
    interpreter.check(found)
    return found


def run(
    request: language_pb2.RunPluginRequest, on_start: Callable[[program.Process], object]
) -> Iterator[language_pb2.RunPluginResponse]:
    """Run the plugin's folder with the request's arguments to its end: its output as it comes, then its exit code.

    `on_start` gets the process, which lasts as long as the engine wants it. Raises UnusableProgram, or OSError, when it
    cannot be started.
    """
    found = python(request.info)
    given = dict(entry.split("=", 1) for entry in request.env if "=" in entry)
    with program.started(
        [found.executable, request.info.program_directory, *request.args],
        cwd=request.pwd or None,
        env=given | {name: found.environment[name] for name in ("VIRTUAL_ENV", "PATH")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        on_start(process)
        assert process.stdout is not None
        assert process.stderr is not None
        said: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            threading.Thread(target=_read, args=(name, stream, said), daemon=True).start()
        for _ in range(2):  # each stream ends with an empty part
            while (part := said.get())[1]:
                yield _response(*part)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _response(name: str, part: bytes) -> language_pb2.RunPluginResponse:
    if name == "stdout":
        return language_pb2.RunPluginResponse(stdout=part)
    return language_pb2.RunPluginResponse(stderr=part)


def _read(name: str, stream: IO[bytes], said: "SimpleQueue[tuple[str, bytes]]") -> None:
    read = getattr(stream, "read1", stream.read)
    while part := read(_CHUNK):
        said.put((name, part))
    said.put((name, b""))
