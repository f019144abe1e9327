"""HTTP/2: not offered unless it is asked for, refused where nginx has a known fault, and counted where it is on."""

import secrets
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.edge import COMPLETION, OPEN, EdgeStack

KEY = secrets.token_hex(32)
LIMITS: dict[str, Any] = {
    "rateLimit": "off",
    "apiKeys": {"one": {"keys": [KEY]}},
    "concurrency": {"address": 1000, "key": 1000, "completions": {"address": 1000, "key": 3, "server": 1000}},
}


def agreed(stack: EdgeStack) -> str | None:
    """The protocol that the edge picks from HTTP/2 and HTTP/1.1."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.selected_alpn_protocol()


@pytest.fixture(scope="class")
def off(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN)
    return edge


class TestOff:
    def test_it_is_not_offered(self, off: EdgeStack) -> None:
        assert agreed(off) == "http/1.1"

    def test_who_begins_with_it_all_the_same_is_refused(self, off: EdgeStack) -> None:
        """Prior knowledge, on the plain port: what stands for h2c."""
        with socket.create_connection(("127.0.0.1", off.ports[0]), timeout=10) as plain:
            plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            assert not plain.recv(9).startswith(b"\0\0"), "no frame of HTTP/2 comes back"

    def test_an_nginx_with_a_known_fault_refuses_it_by_name(self, off: EdgeStack) -> None:
        done: Any = off.container("nginx").exec_run(["nginx", "-v"])
        running = done.output.decode().strip().rpartition("/")[2]
        off.wants(**OPEN, http2=True)
        with off.safe_from((99, 0, 7)):
            refused = off.up(check=False)
        said = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode
        assert f"{off.name}-nginx runs nginx {running}, and HTTP/2 needs nginx" in said
        assert "99.0.7 or later" in said
        assert agreed(off) == "http/1.1"
        with off.client() as client:
            assert client.get("/v1/hello").status_code == 200


def sent(stack: EdgeStack, size: int, options: str) -> list[str]:
    """What curl gets for a body from its standard input: the answer, the version of HTTP and the status."""
    where = "--resolve localhost:8443:127.0.0.1 https://localhost:8443/v1/echo"
    curl = f"curl -sk --http2 --max-time 10 {options} -w '\\n%{{http_version}}\\n%{{response_code}}' {where}"
    made = f"head -c {size} /dev/zero | {curl}"
    done: Any = stack.container("nginx").exec_run(["sh", "-c", made])
    answer, version, code = done.output.decode().rsplit("\n", 2)
    return [answer.strip(), version, code]


@pytest.fixture(scope="class")
def on(edge: EdgeStack) -> Iterator[EdgeStack]:
    with edge.safe_from((1, 0, 0)):
        edge.configure(**LIMITS, http2=True)
        yield edge
        edge.configure(**LIMITS)


class TestOn:
    def test_it_is_offered(self, on: EdgeStack) -> None:
        assert agreed(on) == "h2"

    def test_streams_count_one_by_one(self, on: EdgeStack) -> None:
        """Four at once over a single connection."""
        curl = ["curl", "-sk", "--http2", "--parallel", "-H", f"X-Api-Key: {KEY}"]
        where = ["--resolve", "localhost:8443:127.0.0.1"]
        written = ["-w", "%{http_version} %{num_connects} %{http_code}\\n"]
        asked = ["-o", "/dev/null", f"https://localhost:8443{COMPLETION}?seconds=2"] * 4
        done: Any = on.container("nginx").exec_run([*curl, *where, *written, *asked])
        answers = [line.split() for line in done.output.decode().splitlines()]
        assert {version for version, _, _ in answers} == {"2"}
        assert sum(int(connects) for _, connects, _ in answers) == 1
        assert Counter(code for _, _, code in answers) == {"200": 3, "503": 1}

    @pytest.mark.parametrize("way", ["preflight", "of a key"])
    @pytest.mark.parametrize(("size", "status"), [(0, 200), (1, 200), (2, 413), (100_000, 413)])
    def test_a_body_that_is_not_announced_never_reaches_the_api(
        self, on: EdgeStack, way: str, size: int, status: int
    ) -> None:
        """curl does not know how long its input is, and over HTTP/2 it sends no header for that."""
        preflight = "-H 'Origin: https://a.example' -H 'Access-Control-Request-Method: POST' -X OPTIONS"
        asked = preflight if way == "preflight" else f"-H 'X-Api-Key: {KEY}' -X GET"
        body, version, code = sent(on, size, f"{asked} -T -")
        assert (version, code) == ("2", str(status))
        assert status == 413 or body.endswith(" 0"), "the number of bytes that the API has got"

    @pytest.mark.parametrize("data", ["-T -", "--data-binary @-"], ids=["not announced", "announced"])
    def test_a_post_s_body_does(self, on: EdgeStack, data: str) -> None:
        body, version, _ = sent(on, 100_000, f"-H 'X-Api-Key: {KEY}' -X POST {data}")
        assert (version, body.rpartition(" ")[2]) == ("2", "100000")
