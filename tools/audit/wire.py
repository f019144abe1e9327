"""Requests byte by byte, as no well-behaved client would send them."""

import io
import socket
import ssl
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast

QUIET = 0.3
"""Seconds without a byte after which an answer that does not end by itself is taken for whole."""


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
        """Every answer to some bytes on a connection of their own; none where it was closed without one.

        Raises OSError where no connection can be made, TimeoutError where it is neither answered nor closed in time.
        """
        with self.connect(timeout) as connection:
            return replies(_all(connection, request, timeout))


def replies(answer: bytes) -> list[Reply]:
    """Split what a server has sent into answers. What is no HTTP is an answer of status 0."""
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
    """A stream where HTTPResponse wants a socket; it is read on behind the answer, so never closed."""

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
    """Everything that comes back until the connection is closed, or has been quiet after an answer."""
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
        pass  # closed by the other side: what came before counts
    return answer
