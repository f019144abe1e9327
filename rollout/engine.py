"""The Docker engine, as DOCKER_HOST names it: containers by name, and commands inside them."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from rollout import ssh
from rollout.errors import NeedsPerson


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command inside a container left: its exit code and its output, both streams apart."""

    code: int
    stdout: str
    stderr: str


def connect(host: str = "", timeout: int = 60) -> docker.DockerClient:
    """A client for the engine at `host`, or at DOCKER_HOST. Raises NeedsPerson when it does not answer."""
    host = host or os.environ.get("DOCKER_HOST", "")
    try:
        address = ssh.tunnel(host) if host.startswith(ssh.SCHEME) else host
        client = docker.DockerClient(base_url=address or None, version="auto", timeout=timeout)
    except (DockerException, OSError) as error:
        raise NeedsPerson(
            f"The Docker engine at {host or 'the default socket'} does not answer: {error}. "
            "Nothing was changed. Start it (or correct DOCKER_HOST) and run the same command again."
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
    ended: Any = container.exec_run(list(command), user=user, environment=dict(env or {}), demux=True)
    stdout, stderr = ended.output
    return Result(
        code=ended.exit_code,
        stdout=(stdout or b"").decode(errors="replace"),
        stderr=(stderr or b"").decode(errors="replace"),
    )


def follow(container: Container, command: Sequence[str]) -> Iterator[str]:
    """Run a command inside a running container and yield the lines that it prints, as they come."""
    running: Any = container.exec_run(list(command), stream=True)
    return lines(running.output)


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
    print(text, file=sys.stderr, flush=True)
