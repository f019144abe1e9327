"""Sends raw bytes as a request, including requests that no normal client sends."""

import io
import socket
import ssl
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast

QUIET = 0.3
"""After so many seconds without a byte, an answer without an end counts as whole."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `headers` by their name in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """Opens connections to one port; a TLS handshake names `host`."""

    host: str
    port: int
    ca: Path | None = None
    address: str = "127.0.0.1"
    _context: ssl.SSLContext | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.ca:
            self._context = ssl.create_default_context(cafile=self.ca)
            self._context.suppress_ragged_eofs = True  # type: ignore[attr-defined]

    def connect(self, timeout: float = 10) -> socket.socket:
        plain = socket.create_connection((self.address, self.port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(plain, server_hostname=self.host) if self._context else plain

    def send(self, request: bytes, *, timeout: float = 10) -> list[Reply]:
        """Send bytes on a new connection and return every answer; an empty list if the server closed without one.

        Raises OSError if it cannot connect, TimeoutError if the server neither answers nor closes in time.
        """
        with self.connect(timeout) as connection:
            return replies(_all(connection, request, timeout))


def replies(answer: bytes) -> list[Reply]:
    """Split the bytes of a server into answers. Bytes that are not HTTP become one answer of status 0."""
    stream = io.BytesIO(answer)
    found: list[Reply] = []
    while stream.tell() < len(answer):
        response = HTTPResponse(cast(Any, _Stream(stream)))
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ValueError):
            return [*found, Reply(status=0, headers={}, body=answer)]
        headers = {name.lower(): value for name, value in response.getheaders()}
        found.append(Reply(status=response.status, headers=headers, body=body))
    return found


class _Stream:
    """A stream in place of the socket that HTTPResponse wants. It stays open, because more answers may follow."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return cast(io.BufferedReader, _Unclosed(self.stream))


class _Unclosed:
    def __init__(self, stream: io.BytesIO) -> None:
        self.read, self.readline, self.readinto = stream.read, stream.readline, stream.readinto

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _all(connection: socket.socket, request: bytes, timeout: float) -> bytes:
    """All bytes until the server closes the connection, or until it is quiet after an answer."""
    answer = b""
    deadline = time.monotonic() + timeout
    try:
        connection.sendall(request)
        while time.monotonic() < deadline:
            connection.settimeout(QUIET if answer else timeout)
            part = connection.recv(1 << 16)
            if not part:
                break
            answer += part
    except TimeoutError:
        if not answer:
            raise
    except OSError:
        pass  # the server closed the connection: the bytes before that count
    return answer
