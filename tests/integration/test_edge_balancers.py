"""A load balancer in front: it asks by address and without a name, and keeps its connections for a long time."""

import http.client
import secrets
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.integration.edge import OPEN, EdgeStack
from tools.lab.wait import eventually

KEYS = {"one": {"keys": [secrets.token_hex(32)]}}


@pytest.fixture(scope="module")
def stack(edge: EdgeStack) -> Iterator[EdgeStack]:
    edge.configure(**OPEN, apiKeys=KEYS, healthCheck="/lb/health", keepAlive="3s")
    yield edge
    edge.configure(**OPEN)


def asked(
    stack: EdgeStack, path: str, *, tls: bool, host: str = "127.0.0.1", name: str | None = None
) -> tuple[int, str]:
    """Status and text of a GET; status 0 where the connection is closed instead. `name` goes into the TLS handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.ports[tls]), timeout=10) as plain:
        connection = context.wrap_socket(plain, server_hostname=name) if tls else plain
        connection.sendall(request.encode())
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
        except (http.client.HTTPException, OSError):
            return 0, ""
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", None), ("10.0.0.7:8443", None), ("localhost", "localhost")])
def test_health_is_told_by_address_and_by_name(stack: EdgeStack, tls: bool, host: str, name: str | None) -> None:
    assert asked(stack, "/lb/health", tls=tls, host=host, name=name) == (200, "ok\n")


@pytest.mark.parametrize(
    "request_text",
    [
        "POST /lb/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
        "POST /lb/health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /lb/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\nx",
        "POST /lb/health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        "HEAD /lb/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_body_is_not_waited_for(stack: EdgeStack, tls: bool, request_text: str) -> None:
    """Neither by the edge, which would keep it in memory, nor by the API, which would never get it."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", stack.ports[tls]), timeout=10) as plain:
        connection = context.wrap_socket(plain, server_hostname="localhost") if tls else plain
        connection.sendall(request_text.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert time.monotonic() - begin < 3


def test_nothing_else_is(stack: EdgeStack) -> None:
    assert asked(stack, "/v1/hello", tls=False)[0] == 0
    assert asked(stack, "/v1/hello", tls=True)[0] == 421
    assert asked(stack, "/lb/health/x", tls=True)[0] == 421


def test_a_stack_that_would_not_serve_says_so(stack: EdgeStack) -> None:
    colours = [
        stack.container(f"api-{colour}") for colour in ("blue", "green") if f"{stack.name}-api-{colour}" in stack.ids()
    ]
    for colour in colours:
        colour.pause()
    try:
        begin = time.monotonic()
        assert asked(stack, "/lb/health", tls=True) == (503, "not ready\n")
        assert time.monotonic() - begin < 12
    finally:
        for colour in colours:
            colour.unpause()
    eventually(lambda: asked(stack, "/lb/health", tls=False)[0] == 200, 10, "it serves again")


def test_a_connection_waits_as_long_as_it_is_told_to(stack: EdgeStack) -> None:
    context = ssl.create_default_context(cafile=str(stack.ca))
    with (
        socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        begin = time.monotonic()
        while connection.recv(65536):
            pass
        assert 2 < time.monotonic() - begin < 6


def test_ten_minutes_are_written_down(stack: EdgeStack) -> None:
    stack.configure(**OPEN, keepAlive="10m")
    done = stack.container("nginx").exec_run(["nginx", "-T", "-c", "/var/lib/edge/config/nginx.conf"])
    assert b"keepalive_timeout            600s;" in done.output
