"""What the running edge lets through to the API, and what it keeps to itself."""

import json
import re
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.edge import OPEN, EdgeStack, error_code, refusal


@pytest.fixture(scope="module")
def stack(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN, webSocketPaths=["/v1/seen"], requestHeaders=["X-Tenant"], bodyLimit="1M")
    return edge


@pytest.fixture
def client(stack: EdgeStack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client


def send(stack: EdgeStack, raw: bytes) -> bytes:
    """The bytes that a request gets in answer, over a TLS connection of its own."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    with (
        socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(raw)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


SPOOFED = (
    "Forwarded",
    "Proxy",
    "Via",
    "X-Client-IP",
    "X-Forwarded-Anything",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-HTTP-Method-Override",
    "X-Orca-Anything",
    "X-Orca-Colour",
    "X-Orca-Preview",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X_Forwarded_For",
)


class TestHeaders:
    def test_what_a_client_says_of_itself_ends_here(self, stack: EdgeStack, client: httpx.Client) -> None:
        evil = dict.fromkeys(SPOOFED, "evil")
        overwritten = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "X-Request-ID")
        answer = client.get("/v1/seen", headers={**evil, **dict.fromkeys(overwritten, "evil")})
        assert "evil" not in answer.text
        seen = answer.json()["headers"]
        outside = f"localhost:{stack.ports[1]}"
        assert seen["X-Forwarded-Host"] == [outside]
        assert seen["X-Forwarded-Port"] == [str(stack.ports[1])]
        assert seen["X-Forwarded-Proto"] == ["https"]
        assert seen["X-Real-Ip"] == seen["X-Forwarded-For"]
        assert answer.json()["host"] == outside

    def test_what_an_api_needs_passes(self, client: httpx.Client) -> None:
        sent = {
            "Accept": "text/event-stream",
            "Authorization": "Bearer of-the-api-itself",
            "Baggage": "user=1",
            "Content-Type": "application/json; charset=utf-8",
            "Cookie": "a=b",
            "Idempotency-Key": "1",
            "If-Range": '"1"',
            "Mcp-Protocol-Version": "2025-06-18",
            "Mcp-Session-Id": "1868a90c",
            "Prefer": "respond-async",
            "Range": "bytes=5-",
            "Traceparent": "00-1-2-01",
            "User-Agent": "test",
            "X-Tenant": "named in edge.requestHeaders",
        }
        seen = client.post("/v1/seen", headers=sent, content=b"{}").json()["headers"]
        assert {name: seen[name] for name in sent} == {name: [value] for name, value in sent.items()}
        assert seen["Content-Length"] == ["2"]

    def test_answers_carry_the_security_headers_once(self, client: httpx.Client) -> None:
        for path in ("/v1/hello", "/v1/none", "/none"):
            headers = client.get(path).headers
            for name in ("x-content-type-options", "x-frame-options", "content-security-policy", "cache-control"):
                assert len(headers.get_list(name)) == 1, (path, name)
            assert headers["server"] == "nginx"


class TestAsClientsWriteIt:
    """One request in the many forms in which clients send it."""

    def ask(self, stack: EdgeStack, line: str, *heads: str, body: str = "") -> tuple[int, str]:
        """Status and text of the answer; `heads` are the request's headers."""
        head = "\r\n".join((line, *heads, "Connection: close"))
        answer = send(stack, f"{head}\r\n\r\n{body}".encode())
        return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2].decode()

    @pytest.mark.parametrize("host", ["LocalHost", "localhost.", "localhost:443", "LOCALHOST.:9"])
    def test_the_name(self, stack: EdgeStack, host: str) -> None:
        status, text = self.ask(stack, "GET /v1/seen HTTP/1.1", f"Host: {host}")
        assert (status, f'"host":"localhost:{stack.ports[1]}"' in text) == (200, True)

    @pytest.mark.parametrize("name", ["LOCALHOST", "localhost."])
    def test_the_name_in_the_handshake(self, stack: EdgeStack, name: str) -> None:
        context = ssl.create_default_context(cafile=str(stack.ca))
        context.check_hostname = False  # Python itself compares it letter by letter
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            assert connection.version() == "TLSv1.2"

    @pytest.mark.parametrize(
        ("written", "seen"),
        [
            ("https://localhost/v1/seen?a=b", "/v1/seen?a=b"),
            ("HTTPS://LOCALHOST:443/v1/seen", "/v1/seen"),
            ("/v1/seen/hf.co%2Fteam%2Fmodel%3AQ4_K_M", "/v1/seen/hf.co%2Fteam%2Fmodel%3AQ4_K_M"),
            ("//v1/seen?a=//b", "/v1/seen?a=//b"),
            ("///v1///seen", "/v1/seen"),
            ("/v1/seen/https://hf.co/x", "/v1/seen/https://hf.co/x"),
            ("/v1/seen/a//b/", "/v1/seen/a//b/"),
            ("/%761/seen", "/%761/seen"),
            ("/v1/seen/team:model@sha256", "/v1/seen/team:model@sha256"),
            ("/v1/seen?q=%2B+%20&a[]=1&b={}|^", "/v1/seen?q=%2B+%20&a[]=1&b={}|^"),
            ("/v1/seen/m%C3%B6del", "/v1/seen/m%C3%B6del"),
        ],
    )
    def test_the_address(self, stack: EdgeStack, written: str, seen: str) -> None:
        status, text = self.ask(stack, f"GET {written} HTTP/1.1", "Host: localhost")
        assert status == 200
        assert json.loads(text[text.index("{") : text.rindex("}") + 1])["uri"] == seen

    def test_http_1_0(self, stack: EdgeStack) -> None:
        """No chunks, which such a client cannot read: the end of the connection is the end of the stream."""
        status, text = self.ask(stack, "GET /v1/stream?seconds=0.3 HTTP/1.0", "Host: localhost")
        assert status == 200
        assert text.startswith("data: ")
        assert text.endswith("data: [DONE]\n\n")
        status, text = self.ask(stack, "GET /v1/hello HTTP/1.0")
        assert (status, '"code":"421"' in text) == (421, True), "whoever names no host"

    def test_a_client_that_asks_before_it_sends(self, stack: EdgeStack) -> None:
        expect = ("Host: localhost", "Expect: 100-continue")
        status, text = self.ask(stack, "POST /v1/echo HTTP/1.1", *expect, "Content-Length: 3", body="abc")
        assert status == 100
        assert text.startswith("HTTP/1.1 200")
        status, text = self.ask(stack, "POST /v1/echo HTTP/1.1", *expect, "Content-Length: 2000000")
        assert (status, '"code":"413"' in text) == (413, True)

    @pytest.mark.parametrize("method", ["POST", "OPTIONS"])
    def test_no_body_at_all(self, stack: EdgeStack, method: str) -> None:
        assert self.ask(stack, f"{method} /v1/seen HTTP/1.1", "Host: localhost")[0] == 200
        assert self.ask(stack, f"{method} /v1/seen HTTP/1.1", "Host: localhost", "Content-Length: 0")[0] == 200

    def test_a_body_of_unknown_length(self, client: httpx.Client) -> None:
        pieces = (b"x" * 1000 for _ in range(1000))
        assert client.post("/v1/echo", content=pieces).text.split()[1] == "1000000"
        more = (b"x" * 1000 for _ in range(2000))
        assert error_code(client.post("/v1/echo", content=more)) == refusal(413)

    def test_a_header_on_several_lines(self, stack: EdgeStack) -> None:
        lines = ("Host: localhost", "Accept: a/b", "Accept: c/d", "Cookie: a=1", "Cookie: b=2")
        _, text = self.ask(stack, "GET /v1/seen HTTP/1.1", *lines)
        assert '"Accept":["a/b, c/d"]' in text
        assert '"Cookie":["a=1; b=2"]' in text

    def test_two_requests_at_once_on_a_connection(self, stack: EdgeStack) -> None:
        one = b"GET /v1/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert send(stack, one + one.replace(b"hello", b"none") + CLOSE).count(b"HTTP/1.1 ") == 3

    def test_http_on_the_port_for_https(self, stack: EdgeStack) -> None:
        """To the same place by https, method and body kept; for another name there is none."""

        def plain(host: str) -> str:
            head = f"POST /v1/chat?a=b HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            with socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as connection:
                connection.sendall(head.encode())
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

        answer = plain("localhost")
        assert answer.startswith("HTTP/1.1 308 ")
        assert f"Location: {stack.url}/v1/chat?a=b\r\n" in answer
        answer = plain("evil.example")
        assert answer.startswith("HTTP/1.1 400 ")
        assert '"code":"400"' in answer


class TestAsApisAnswer:
    @pytest.mark.parametrize(
        ("status", "header"),
        [
            ("429 Too Many Requests", "Retry-After: 20"),
            ("503 Service Unavailable", "Retry-After: 120"),
            ("401 Unauthorized", 'WWW-Authenticate: Bearer realm="of the API"'),
            ("405 Method Not Allowed", "Allow: GET"),
            ("200 OK", "X_Under_Score: 1"),
            ("200 OK", "X-RateLimit-Remaining-Requests: 59"),
            ("200 OK", "Content-Encoding: gzip"),
        ],
    )
    def test_its_own_headers_pass_once(self, stack: EdgeStack, status: str, header: str) -> None:
        answer = self.raw(stack, f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: 0\r\n\r\n")
        name = header.partition(":")[0]
        assert [line for line in answer.split("\r\n") if line.lower().startswith(name.lower())] == [header]

    def test_an_early_hint(self, stack: EdgeStack) -> None:
        hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
        answer = self.raw(stack, f"{hint}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert answer.startswith("HTTP/1.1 200")
        assert answer.endswith("\r\n\r\nok")

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    def test_no_body(self, stack: EdgeStack, status: str) -> None:
        answer = self.raw(stack, f'HTTP/1.1 {status}\r\nETag: "1"\r\n\r\n')
        assert answer.startswith(f"HTTP/1.1 {status}")
        assert 'ETag: "1"' in answer

    def test_an_old_one_s_end_is_that_of_its_connection(self, stack: EdgeStack) -> None:
        answer = self.raw(stack, "HTTP/1.0 200 OK\r\n\r\ndata: [DONE]\n\n")
        assert "data: [DONE]" in answer

    def raw(self, stack: EdgeStack, answer: str) -> str:
        """What a client gets when the API answers with exactly this."""
        head = f"POST /v1/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(answer)}\r\nConnection: close"
        return send(stack, f"{head}\r\n\r\n{answer}".encode()).decode()


class TestRequestIds:
    def test_one_id_from_end_to_end(self, stack: EdgeStack, client: httpx.Client) -> None:
        answer = client.get("/v1/seen", headers={"X-Request-ID": "from-the-client"})
        given = answer.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)
        assert answer.json()["headers"]["X-Request-Id"] == [given]
        line = stack.log(given)
        assert (line["request_id"], line["client_request_id"]) == (given, "from-the-client")

    @pytest.mark.parametrize("bad", ['","status":"200', "x" * 65, "a b", "{{7*7}}", "ü"])
    def test_a_client_s_own_is_logged_only_if_it_looks_like_one(
        self, stack: EdgeStack, client: httpx.Client, bad: str
    ) -> None:
        answer = client.get("/v1/hello", headers=[(b"X-Request-ID", bad.encode())])
        assert stack.log(answer.headers["x-request-id"])["client_request_id"] == ""

    def test_no_prompt_and_no_query_is_logged(self, stack: EdgeStack, client: httpx.Client) -> None:
        answer = client.post("/v1/echo?secret-in-query=1", content=b'{"prompt": "secret-in-body"}')
        line = stack.log(answer.headers["x-request-id"])
        assert line["path"] == "/v1/echo"
        log = stack.container("nginx").logs().decode()
        assert "secret-in-query" not in log
        assert "secret-in-body" not in log


class TestMethods:
    @pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE", "PROPFIND", "FOO"])
    def test_others_are_refused(self, stack: EdgeStack, method: str) -> None:
        answer = send(stack, f"{method} /v1/seen HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split()[1] == b"405"
        assert b'"code":"405"' in body
        assert b"Allow: GET, HEAD, POST, OPTIONS" in head

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
    def test_the_usual_ones_pass(self, client: httpx.Client, method: str) -> None:
        answer = client.request(method, "/v1/seen")
        assert answer.status_code == 200
        assert method == "HEAD" or answer.json()["method"] == method


class TestProtocols:
    @pytest.mark.parametrize(
        "hops",
        [
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
            "Upgrade: h2c, websocket\r\nConnection: Upgrade",
            "Upgrade: tls/1.3\r\nConnection: Upgrade",
        ],
    )
    def test_only_websocket_is_upgraded_to(self, stack: EdgeStack, hops: str) -> None:
        answer = send(stack, f"GET /v1/seen HTTP/1.1\r\nHost: localhost\r\n{hops}\r\n\r\n".encode() + CLOSE)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"Upgrade"' not in answer
        assert b"Http2-Settings" not in answer

    @pytest.mark.parametrize(("path", "passed"), [("/v1/seen", True), ("/v1/echo", False)])
    def test_and_only_where_it_is_allowed(self, stack: EdgeStack, path: str, passed: bool) -> None:
        hello = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: eA==\r\nOrigin: https://a"
        answer = send(stack, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{hello}\r\n\r\n".encode() + CLOSE)
        assert (b'"Upgrade":["websocket"]' in answer) is passed

    @pytest.mark.parametrize(
        "head",
        [
            "Content-Length: 6\r\nTransfer-Encoding: chunked",
            "Content-Length: 6\r\nContent-Length: 5",
            "Content-Length: 6, 6",
            "Content-Length: +6",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked, identity",
        ],
    )
    def test_no_second_request_is_smuggled(self, stack: EdgeStack, head: str) -> None:
        """Two ways to read one message: refused, the connection closed, what follows never read."""
        inner = "GET /v1/seen HTTP/1.1\r\nHost: localhost\r\n\r\n"
        raw = f"POST /v1/echo HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n0\r\n\r\n{inner}"
        answer = send(stack, raw.encode())
        assert answer.split()[1] == b"400"
        assert answer.count(b"HTTP/1.1 ") == 1

    @pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1"])
    def test_an_unknown_name_is_not_served(self, stack: EdgeStack, host: str) -> None:
        answer = send(stack, f"GET /v1/seen HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.split()[1] == b"421"


class TestMalformed:
    """What nginx refuses before it has read a path is a refusal like any other, never a 500."""

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            ("NO REQUEST", 400),
            ("GET /v1/%zz HTTP/1.1", 400),
            ("GET /../../etc/passwd HTTP/1.1", 400),
            ("GET /v1/%00 HTTP/1.1", 400),
            ("CONNECT localhost:443 HTTP/1.1", 405),
            ("GET /v1/hello HTTP/9.9", 400),
            (f"GET /v1/hello?{'x' * 9000} HTTP/1.1", 414),
        ],
    )
    def test_request_lines(self, stack: EdgeStack, line: str, status: int) -> None:
        answer = send(stack, f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert answer.split()[1] == str(status).encode()
        assert f'"code":"{status}"'.encode() in answer
        assert b"X-Frame-Options: DENY" in answer

    def test_no_host(self, stack: EdgeStack) -> None:
        answer = send(stack, b"GET /v1/hello HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert answer.split()[1] == b"400"
        assert b'"code":"400"' in answer


CLOSE = b"GET /close HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class TestSizes:
    def test_a_body(self, client: httpx.Client) -> None:
        assert client.post("/v1/echo", content=b"x" * 2**20).status_code == 200
        assert error_code(client.post("/v1/echo", content=b"x" * (2**20 + 1))) == refusal(413)

    def test_a_header(self, client: httpx.Client) -> None:
        assert error_code(client.get("/v1/hello", headers={"X-Long": "x" * 9000})) == refusal(431)

    def test_the_head_of_an_answer(self, client: httpx.Client) -> None:
        """An API that says back what it was asked, as a redirect does, has a head as long as the longest line."""
        place = "https://elsewhere.example/" + "x" * 7500
        answer = client.get("/v1/moved", params={"to": place})
        assert (answer.status_code, answer.headers["location"]) == (307, place)

    def test_many_headers(self, stack: EdgeStack) -> None:
        many = "".join(f"X-{number}: 1\r\n" for number in range(200))
        answer = send(stack, f"GET /v1/hello HTTP/1.1\r\nHost: localhost\r\n{many}Connection: close\r\n\r\n".encode())
        assert answer.split()[1] in (b"400", b"431")


class TestTheLog:
    @pytest.mark.parametrize("path", ["/v1/hello", "/v1/%zz"])
    def test_it_has_the_path_that_was_asked_for(self, stack: EdgeStack, path: str) -> None:
        line = f"GET {path}?token=secret HTTP/9.9"
        answer = send(stack, f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        given = re.search(rb"X-Request-ID: (\w+)", answer)
        assert given
        logged = stack.log(given[1].decode())
        assert (logged["path"], logged["status"]) == (path, "400")
