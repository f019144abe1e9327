"""A Docker engine for those in a hurry: what a rollback and a plan ask of it, over the standard library alone.

To import the docker package takes longer than a flip. All else goes through that package. `Engine` and `Container` have
the names and the answers of its `DockerClient` and `Container`, so that the same functions take either.
"""

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_TIMEOUT = 60  # seconds
_MISSING = 404


class Container:
    """A container as it was when it was asked for."""

    def __init__(self, client: "Engine", attrs: Mapping[str, Any]) -> None:
        self.client, self.attrs = client, attrs
        self.id: str = attrs["Id"]
        self.name: str = attrs["Name"].removeprefix("/")
        self.status: str = attrs["State"]["Status"]


class Engine:
    """One engine. It is its own `api` and `containers`.

    Each thread has a connection of its own: a watch sends requests while the rollout flips back.
    """

    def __init__(self, url: str) -> None:
        """`url` is `unix://…` or `tcp://…`. Raises OSError when no engine answers there."""
        self._url, self._of_thread = url, threading.local()
        self._version = ""
        greeting = self._called("GET", "/_ping")
        greeting.read()
        if not (version := greeting.getheader("Api-Version")):
            raise ConnectionError("what answers there is no Docker engine")
        self._version = f"/v{version}"
        self.api = self.containers = self

    def get(self, name: str) -> Container:
        """The container of that name or id. Raises docker's NotFound."""
        return Container(self, _read(self._called("GET", _path("/containers/{0}/json", name))))

    def list(self, *, all: bool, filters: Mapping[str, str], ignore_removed: bool) -> Sequence[Container]:
        del ignore_removed  # they always are
        found = []
        for summary in self.summaries({name: [value] for name, value in filters.items()}, all=all):
            answer = self._answer("GET", _path("/containers/{0}/json", summary["Id"]))
            attrs = _read(answer)
            if answer.status != _MISSING:
                found.append(Container(self, attrs))
        return found

    def summaries(self, filters: Mapping[str, Sequence[str]], *, all: bool = True) -> Sequence[Mapping[str, Any]]:
        """What the engine's list says of each container that fits, running or not: one call for all of them."""
        query = urlencode({"all": int(all), "filters": json.dumps({name: [*found] for name, found in filters.items()})})
        listed: Sequence[Mapping[str, Any]] = _read(self._called("GET", f"/containers/json?{query}"))
        return listed

    def exec_create(self, id: str, command: Sequence[str], *, user: str, environment: Mapping[str, str]) -> Any:
        env = [f"{name}={value}" for name, value in environment.items()]
        wanted = {"Cmd": command, "User": user, "Env": env, "AttachStdout": True, "AttachStderr": True}
        return _read(self._called("POST", _path("/containers/{0}/exec", id), wanted))

    def exec_output(self, id: str) -> HTTPResponse:
        """Start a process, and give the stream of its frames."""
        start = {"Detach": False, "Tty": False}
        return self._called("POST", _path("/exec/{0}/start", id), start, timeout=None)

    def exec_inspect(self, id: str) -> Any:
        return _read(self._called("GET", _path("/exec/{0}/json", id)))

    def _connection(self) -> HTTPConnection:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = _connection(self._url)
        connection: HTTPConnection = self._of_thread.connection
        return connection

    def _called(self, method: str, path: str, body: object = None, *, timeout: float | None = _TIMEOUT) -> HTTPResponse:
        """The answer, unread. Raises docker's APIError when it is a refusal."""
        answer = self._answer(method, path, body, timeout=timeout)
        if answer.status >= 400:
            from docker.errors import APIError, NotFound

            kind = NotFound if answer.status == _MISSING else APIError
            raise kind(f"{answer.status} {answer.reason}", explanation=_read(answer).get("message", ""))
        return answer

    def _answer(self, method: str, path: str, body: object = None, *, timeout: float | None = _TIMEOUT) -> HTTPResponse:
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(timeout)
            sent = None if body is None else json.dumps(body)
            connection.request(method, self._version + path, sent, {"Content-Type": "application/json"})
            return connection.getresponse()
        except (HTTPException, OSError) as error:
            raise ConnectionError(str(error) or repr(error)) from None


def own_name(summary: Mapping[str, Any]) -> str:
    """The name of a container in the engine's list. Others are those that linked containers have for it."""
    return next(str(name) for name in summary["Names"] if name.count("/") == 1).removeprefix("/")


class _Socket(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return _Socket(parts.path) if parts.scheme == "unix" else HTTPConnection(parts.netloc, timeout=_TIMEOUT)


def _path(pattern: str, name: str) -> str:
    return pattern.format(quote(name, safe=""))


def _read(answer: HTTPResponse) -> Any:
    try:
        return json.loads(answer.read())
    except HTTPException as error:  # it is cut off; that is no OSError
        raise ConnectionError(repr(error)) from None
    except ValueError:
        return {}
