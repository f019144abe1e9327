"""Whose address the running edge goes by: the connection's own, unless a load balancer that it trusts knows better."""

import socket
import ssl
from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from tests.integration.edge import OPEN, EdgeStack


def here(stack: EdgeStack) -> list[str]:
    """Where this machine's connections seem to come from: the gateway of the edge's network, or another bridge's."""
    return [stack.cidr, "172.16.0.0/12", "127.0.0.0/8"]


def seen(stack: EdgeStack, forwarded: str) -> tuple[str, str]:
    """What the API and the log are told of a client's address."""
    with stack.client() as client:
        answer = client.get("/v1/seen", headers={"X-Forwarded-For": forwarded})
    headers = answer.json()["headers"]
    assert headers["X-Real-Ip"] == headers["X-Forwarded-For"]
    return headers["X-Real-Ip"][0], stack.log(answer.headers["x-request-id"])["remote_addr"]


def test_nobody_is_believed_by_default(edge: EdgeStack) -> None:
    edge.configure(**OPEN)
    assert "203.0.113.7" not in seen(edge, "203.0.113.7")


def test_one_that_is_not_named_is_not_believed(edge: EdgeStack) -> None:
    edge.configure(**OPEN, trustedProxies=["192.0.2.0/24"])
    assert "203.0.113.7" not in seen(edge, "203.0.113.7")


def test_a_named_one_is_and_only_as_far_as_it_can_know(edge: EdgeStack) -> None:
    edge.configure(**OPEN, trustedProxies=here(edge))
    assert seen(edge, "203.0.113.7") == ("203.0.113.7", "203.0.113.7")
    assert seen(edge, "evil, 198.51.100.1, 203.0.113.7") == ("203.0.113.7", "203.0.113.7"), "the last stranger"
    assert seen(edge, f"203.0.113.7, {IPv4Network(edge.cidr)[99]}")[0] == "203.0.113.7", "behind two of them"


def test_limits_go_by_that_address_and_by_the_network_of_ipv6(edge: EdgeStack) -> None:
    edge.configure(concurrency="off", trustedProxies=here(edge), rateLimit={"address": "6/m"})

    def ask(address: str) -> int:
        return client.get("/v1/hello", headers={"X-Forwarded-For": address}).status_code

    with edge.client() as client:
        assert [ask("192.0.2.1") for _ in range(8)] == [200] * 6 + [429] * 2
        assert ask("192.0.2.2") == 200
        assert [ask(f"2001:db8:1:2::{host:x}") for host in range(1, 9)] == [200] * 6 + [429] * 2
        assert ask("2001:db8:1:3::1") == 200


@pytest.fixture(scope="class")
def spoken(edge: EdgeStack) -> Iterator[EdgeStack]:
    edge.configure(**OPEN, trustedProxies=here(edge), proxyProtocol=True)
    yield edge
    edge.configure(**OPEN)


class TestProxyProtocol:
    def ask(self, stack: EdgeStack, first: bytes) -> bytes:
        context = ssl.create_default_context(cafile=str(stack.ca))
        with socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=5) as plain:
            plain.sendall(first)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                spoofed = b"X-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n"
                connection.sendall(b"GET /v1/seen HTTP/1.1\r\nHost: localhost\r\n" + spoofed)
                answer = b""
                while piece := connection.recv(65536):
                    answer += piece
        return answer

    def test_its_word_is_taken(self, spoken: EdgeStack) -> None:
        answer = self.ask(spoken, b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n")
        assert b'"X-Real-Ip":["203.0.113.7"]' in answer
        assert b"198.51.100.1" not in answer

    def test_whoever_does_not_speak_it_is_not_served(self, spoken: EdgeStack) -> None:
        with pytest.raises(OSError, match=r".*"):
            self.ask(spoken, b"")

    def test_the_certificate_is_still_known(self, spoken: EdgeStack) -> None:
        assert spoken.status()["certificate"]["notAfter"]
