"""A Docker engine: containers by name, and commands inside them."""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from engine import ssh
from engine.address import Address
from engine.errors import NeedsPerson
from engine.output import while_read

_STDOUT, _STDERR = 1, 2


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command inside a container left: its exit code and its output, both streams apart."""

    code: int
    stdout: str
    stderr: str


def connect(address: Address, timeout: int = 60) -> docker.DockerClient:
    """A client for this engine and no other. Raises NeedsPerson when it does not answer."""
    try:
        url = ssh.tunnel(address) if address.startswith(ssh.SCHEME) else address
        client = docker.DockerClient(base_url=url, version="auto", timeout=timeout)
    except (DockerException, OSError) as error:
        raise NeedsPerson(
            f"The Docker engine at {address} does not answer: {error}. Nothing was changed. "
            "Start it, or correct dockerHost (DOCKER_HOST if the stack has none), and run the same command again."
        ) from None
    return client


def find(client: docker.DockerClient, name: str) -> Container | None:
    """The container of that name or id, if there is one."""
    try:
        return client.containers.get(name)
    except NotFound:
        return None


def execute(
    container: Container, command: Sequence[str], *, user: str = "", env: Mapping[str, str] | None = None
) -> Result:
    """Run a command inside a running container and wait for its end."""
    api: Any = container.client.api  # type: ignore[union-attr]
    process: str = api.exec_create(container.id, list(command), user=user, environment=dict(env or {}))["Id"]
    said = {_STDOUT: b"", _STDERR: b""}
    for stream, data in _output(api, process):
        said[stream] += data
    # The output ends a moment before the engine knows of the process's end.
    while (code := api.exec_inspect(process)["ExitCode"]) is None:
        time.sleep(0.01)
    return Result(
        code=code, stdout=said[_STDOUT].decode(errors="replace"), stderr=said[_STDERR].decode(errors="replace")
    )


def follow(container: Container, command: Sequence[str]) -> Iterator[str]:
    """Run a command inside a running container, at once, and yield the lines that it prints, as they come."""
    api: Any = container.client.api  # type: ignore[union-attr]
    process: str = api.exec_create(container.id, list(command))["Id"]
    return lines(data for _, data in _output(api, process))


def _output(api: Any, process: str) -> Iterator[tuple[int, bytes]]:
    """Start a process that was made by the exec call, and give what it prints, with the number of the stream.

    Not by the docker package's own call, which takes the connection over after it has read the head of the answer, and
    with it loses what a quick process has printed by then: its output is empty now and then, on a busy machine.
    """
    start = {"Detach": False, "Tty": False}
    answer = api.post(api._url("/exec/{0}/start", process), json=start, stream=True, timeout=None)
    api._raise_for_status(answer)
    return _frames(answer.raw)


def _frames(raw: Any) -> Iterator[tuple[int, bytes]]:
    """The engine's frames: the stream's number, three empty bytes, the length in four, and so many bytes."""
    while len(head := raw.read(8)) == 8:
        yield head[0], raw.read(int.from_bytes(head[4:], "big"))


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines of a stream, without their ends; a progress bar ends its lines with a carriage return."""
    rest = ""
    for chunk in chunks:
        *whole, rest = re.split(r"[\r\n]", rest + chunk.decode(errors="replace"))
        yield from whole
    yield rest


def last_words(container: Container, lines: int = 10) -> str:
    """The end of a container's log, for a message."""
    try:
        text = container.logs(tail=lines).decode(errors="replace").strip()
    except APIError:
        text = ""
    return f"Its last words:\n{text}" if text else "It has said nothing."


def say(text: str) -> None:
    """Progress for the person who waits; results go to standard output, all else here."""
    with while_read(sys.stderr):
        print(text, file=sys.stderr)
