"""A Docker engine: containers by name, and commands inside them.

The docker package is imported where it is needed: a rollback has no time for it.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from engine import quick, ssh
from engine.address import Address
from engine.errors import NeedsPerson, NotRunning
from engine.output import while_read

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_STDOUT, _STDERR = 1, 2
_Client = TypeVar("_Client")
_OLDEST = "1.41"  # of the engine's API, in Docker Engine 20.10
STOPPED = ("exited", "paused")
"""The states of a container that somebody has stopped. Docker itself starts one that ends: it is `restarting`."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command inside a container left: its exit code and its output, both streams apart."""

    code: int
    stdout: str
    stderr: str


def connect(address: Address, timeout: int = 60) -> "docker.DockerClient":
    """A client for this engine and no other. Raises NeedsPerson when it does not answer."""
    import docker
    from docker.errors import DockerException

    def client(url: str) -> docker.DockerClient:
        try:
            made = docker.DockerClient(base_url=url, version=_OLDEST, timeout=timeout)
            api: Any = made.api
            api._version = _spoken(api)
        except DockerException as error:
            raise ConnectionError(str(error)) from None
        return made

    return _connected(address, client)


def data_root(address: Address) -> str:
    """The directory of the host in which the engine keeps its data; empty where it does not say. Raises NeedsPerson as
    `connect` does."""
    return str(connect(address).info().get("DockerRootDir") or "")


def connect_quickly(address: Address) -> quick.Engine:
    """A client that costs no import of the docker package. Raises NeedsPerson as `connect` does."""
    return _connected(address, quick.Engine)


def _connected(address: Address, client: Callable[[str], _Client]) -> _Client:
    try:
        return client(ssh.tunnel(address) if address.startswith(ssh.SCHEME) else address)
    except OSError as error:
        raise NeedsPerson(
            f"The Docker engine at {address} does not answer: {error}. Nothing was changed. "
            "Start it, or correct dockerHost (DOCKER_HOST if the stack has none), and run the same command again."
        ) from None


def _spoken(api: Any) -> str:
    """The newest version of its API that the engine speaks. Not by the docker package's own question for it: to answer
    that, an engine runs three other programs."""
    answer = api._get(api._url("/_ping", versioned_api=False))
    api._raise_for_status(answer)
    if not (version := answer.headers.get("Api-Version")):
        raise ConnectionError("what answers there is no Docker engine")
    return str(version)


@overload
def find(client: "docker.DockerClient", name: str) -> "Container | None": ...
@overload
def find(client: quick.Engine, name: str) -> quick.Container | None: ...
@overload
def find(client: "docker.DockerClient | quick.Engine", name: str) -> "Container | quick.Container | None": ...
def find(client: "docker.DockerClient | quick.Engine", name: str) -> "Container | quick.Container | None":
    """The container of that name or id, if there is one."""
    try:
        return client.containers.get(name)
    except OSError as error:
        from docker.errors import NotFound

        if not isinstance(error, NotFound):
            raise
        return None


def execute(
    container: "Container | quick.Container",
    command: Sequence[str],
    *,
    user: str = "",
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run a command inside a running container and wait for its end. Raises NotRunning where it does not run."""
    api: Any = container.client.api  # type: ignore[union-attr]
    try:
        process: str = api.exec_create(container.id, list(command), user=user, environment=dict(env or {}))["Id"]
        raw = api.exec_output(process) if isinstance(api, quick.Engine) else _output(api, process)
    except OSError:  # the engine's refusal is one; it names the container by its id alone
        # A container that was asked for has its client, which the stubs let be None.
        now = find(container.client, container.id or "")  # type: ignore[arg-type]
        if now is None or now.status == "running":
            raise
        raise NotRunning(not_running(str(now.name), now.status)) from None
    said = {_STDOUT: b"", _STDERR: b""}
    for stream, data in _frames(raw):
        said[stream] += data
    # The output ends a moment before the engine knows of the process's end.
    while (code := api.exec_inspect(process)["ExitCode"]) is None:
        time.sleep(0.01)
    return Result(
        code=code, stdout=said[_STDOUT].decode(errors="replace"), stderr=said[_STDERR].decode(errors="replace")
    )


def not_running(name: str, status: str) -> str:
    """What a person is told of a container that does not run: its state, and what brings it back."""
    if status == "restarting":
        return f"{name} is restarting: it ends again and again. `docker logs {name}` on the stack's host tells why."
    if status in STOPPED:
        verb = "unpause" if status == "paused" else "start"
        return f"{name} is {status}. `docker {verb} {name}` on the stack's host brings it back, and so does an update."
    return f"{name} {'does not exist' if status == 'absent' else f'is {status}'}. `pulumi up --refresh` brings it back."


def _output(api: Any, process: str) -> Any:
    """Start a process that was made by the exec call, and give the stream of its frames.

    Not by the docker package's own call, which takes the connection over after it has read the head of the answer, and
    with it loses what a quick process has printed by then: its output is empty now and then, on a busy machine.
    """
    start = {"Detach": False, "Tty": False}
    answer = api.post(api._url("/exec/{0}/start", process), json=start, stream=True, timeout=None)
    api._raise_for_status(answer)
    return answer.raw


def _frames(raw: Any) -> Iterator[tuple[int, bytes]]:
    """The engine's frames: the stream's number, three empty bytes, the length in four, and so many bytes."""
    while len(head := raw.read(8)) == 8:
        yield head[0], raw.read(int.from_bytes(head[4:], "big"))


def begun(container: "Container") -> float:
    """The Unix time from which on the log is that of the last run. A second before the start that the engine notes: it
    notes it when the process may have printed already."""
    container.reload()
    return datetime.fromisoformat(container.attrs["State"]["StartedAt"]).timestamp() - 1


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines of a stream, without their ends; a progress bar ends its lines with a carriage return."""
    rest = ""
    for chunk in chunks:
        *whole, rest = re.split(r"[\r\n]", rest + chunk.decode(errors="replace"))
        yield from whole
    yield rest


def last_words(container: "Container", lines: int = 10) -> str:
    """The end of a container's log, for a message."""
    from docker.errors import APIError

    try:
        text = container.logs(tail=lines).decode(errors="replace").strip()
    except APIError:
        text = ""
    return f"Its last words:\n{text}" if text else "It has said nothing."


def say(text: str) -> None:
    """Progress for the person who waits; results go to standard output, all else here."""
    with while_read(sys.stderr):
        print(text, file=sys.stderr)
