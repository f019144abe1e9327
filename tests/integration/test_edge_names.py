"""Several names for one service, and several addresses that it is published on."""

import socket
import ssl
from collections.abc import Iterator

import docker
import pytest

from tests.integration.edge import OPEN, EdgeStack
from tools.lab.place import place

NAMES = ("localhost", "api.example.com", "llm.example.com")


def asked(stack: EdgeStack, name: str, port: int, request: str, *, address: str = "127.0.0.1") -> str:
    """The answer to a request that names `name`, in the handshake too; its certificate is checked for it."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    tls = port == stack.ports[1]
    with socket.create_connection((address, port), timeout=10) as plain:
        connection = context.wrap_socket(plain, server_hostname=name) if tls else plain
        connection.sendall(f"{request} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.decode()


@pytest.fixture(scope="module")
def named(edge: EdgeStack) -> Iterator[EdgeStack]:
    edge.configure(**OPEN, hostnames=list(NAMES[1:]))
    yield edge
    edge.configure(**OPEN)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_served_with_a_certificate_for_it(named: EdgeStack, name: str) -> None:
    http, https = named.ports
    assert f'"host":"{name}:{https}"' in asked(named, name, https, "GET /v1/seen")
    moved = asked(named, name, https, f"GET /v1/moved?to=http://{name}/v1/x")
    assert f"Location: https://{name}:{https}/v1/x\r\n" in moved
    assert f"Location: https://{name}:{https}/v1/y\r\n" in asked(named, name, http, "GET /v1/y")


def test_no_other_name_is(named: EdgeStack) -> None:
    with pytest.raises(ssl.SSLError):
        asked(named, "other.example.com", named.ports[1], "GET /v1/seen")


@pytest.fixture(scope="module")
def everywhere(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str
) -> Iterator[EdgeStack]:
    """The edge on both loopback addresses."""
    stack = EdgeStack(tmp_path_factory.mktemp("v6"), engine, backend, place("edv"))
    stack.bound["bind"] = ["127.0.0.1", "[::1]"]
    try:
        stack.create()
        yield stack
    finally:
        stack.remove()


def test_it_can_be_had_by_ipv6_too(everywhere: EdgeStack) -> None:
    for address in ("127.0.0.1", "::1"):
        assert '"method":"GET"' in asked(everywhere, "localhost", everywhere.ports[1], "GET /v1/seen", address=address)


def test_and_nothing_changes_by_itself(everywhere: EdgeStack) -> None:
    assert everywhere.planned() == {}
