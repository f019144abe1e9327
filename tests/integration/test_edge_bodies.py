"""Bodies: large ones pass in one piece where they may, few at once, and never at the cost of who is served already."""

import base64
import os
import socket
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import httpx
import pytest

from tests.integration.edge import COMPLETION, OPEN, EdgeStack, error_code, refusal

MIB = 2**20


@pytest.fixture(scope="module")
def stack(edge: EdgeStack) -> EdgeStack:
    """With the limits that a stack has by default."""
    edge.configure()
    return edge


def memory(stack: EdgeStack, what: str) -> int:
    """A figure of the edge's memory, in bytes, by the kernel's older or newer name: `usage` or `limit`."""
    old = f"/sys/fs/cgroup/memory/memory.{what}_in_bytes"
    new = f"/sys/fs/cgroup/memory.{ {'usage': 'current', 'limit': 'max'}[what] }"
    read: Any = stack.container("nginx").exec_run(["sh", "-c", f"cat {old} 2>/dev/null || cat {new}"])
    return int(read.output)


def workers(stack: EdgeStack) -> set[str]:
    """The process ids of the edge's workers."""
    listed = stack.container("nginx").top(ps_args="-o pid,args")["Processes"] or []
    return {pid for pid, args in listed if "worker process" in args and "shutting down" not in args}


def test_a_burst_of_uploads_costs_nobody_else_anything(stack: EdgeStack) -> None:
    """Forty of 7.9 MiB at once, to a path that is no completion, beside a stream and a client who asks on."""
    before = workers(stack)
    content = os.urandom(int(7.9 * MIB))
    others: list[int] = []
    streamed: list[str] = []
    over = threading.Event()

    def ask_on() -> None:
        with stack.client() as client:
            while not over.is_set():
                others.append(client.get("/v1/hello").status_code)
                over.wait(0.1)

    def listen() -> None:
        with stack.client() as client:
            streamed.append(client.get(f"{COMPLETION}?seconds=8").text)

    def upload(_: int) -> httpx.Response:
        with stack.client() as client:
            return client.post("/v1/echo", content=content)

    threads = [threading.Thread(target=ask_on), threading.Thread(target=listen)]
    for thread in threads:
        thread.start()
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(upload, range(40)))
    over.set()
    for thread in threads:
        thread.join()

    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) == {200, 503}
    assert codes[200] >= 8
    assert {error_code(answer) for answer in answers if answer.status_code == 503} == {refusal(503)}
    assert {answer.headers["retry-after"] for answer in answers if answer.status_code == 503} == {"5"}
    assert set(others) == {200}
    assert streamed[0].endswith("data: [DONE]\n\n")
    assert workers(stack) == before, "no worker was killed"
    assert memory(stack, "usage") < memory(stack, "limit") / 2


def test_slow_ones_take_no_more_places_than_they_may(stack: EdgeStack) -> None:
    """Bodies of which no length is told count as large, however little has come of them."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    head = b"POST /v1/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with ExitStack() as held:
        uploads = []
        for _ in range(12):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10))
            uploads.append(held.enter_context(context.wrap_socket(plain, server_hostname="localhost")))
            uploads[-1].sendall(head + b"1\r\nx\r\n")
        assert [upload.recv(12) for upload in uploads[8:]] == [b"HTTP/1.1 503"] * 4
        with stack.client() as client:
            assert client.post("/v1/echo", content=b"x" * 999_999).status_code == 200, "a long prompt is none of them"
        for upload in uploads[:8]:
            upload.sendall(b"1\r\nx\r\n0\r\n\r\n")
            assert upload.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("size", [12, 20])
def test_a_picture_passes_with_one_setting(stack: EdgeStack, size: int) -> None:
    picture = base64.b64encode(os.urandom(size * MIB)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    chat = {"model": "m", "messages": [{"role": "user", "content": [image]}]}
    stack.configure()
    with stack.client() as client:
        assert error_code(client.post("/v1/echo", json=chat)) == refusal(413)
    stack.configure(bodyLimit="32M")
    with stack.client() as client:
        answer = client.post("/v1/echo", json=chat)
    assert answer.status_code == 200
    assert int(answer.text.split()[1]) > size * MIB * 4 / 3


@pytest.fixture(scope="module")
def unlimited(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN)
    return edge


class TestAnswersBeforeTheBody:
    """The API answers before it has read the body. Then the next request on the connection is answered, or the first
    answer has said that the connection ends."""

    def connect(self, stack: EdgeStack) -> HTTPConnection:
        context = ssl.create_default_context(cafile=str(stack.ca))
        connection = HTTPConnection("localhost", timeout=10)
        plain = socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10)
        connection.sock = context.wrap_socket(plain, server_hostname="localhost")
        return connection

    def post(self, connection: HTTPConnection, path: str, size: int, pause: float, chunked: bool) -> HTTPResponse:
        """The whole answer to a body of `size` bytes, of which nothing is sent for `pause` seconds."""
        connection.putrequest("POST", path)
        connection.putheader(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))))
        connection.endheaders()
        time.sleep(pause)
        connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size) if chunked else b"x" * size)
        answer = connection.getresponse()
        answer.read()
        return answer

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("pause", [0, 0.1])
    @pytest.mark.parametrize("size", [1_000, 100_000, 300_000, 1_000_000, 4_000_000])
    @pytest.mark.parametrize(("path", "status"), [("/v1/hello", 405), ("/v1/refused", 401), ("/v1/echo", 200)])
    def test_the_next_request(
        self, unlimited: EdgeStack, path: str, status: int, size: int, pause: float, chunked: bool
    ) -> None:
        for _ in range(4):
            connection = self.connect(unlimited)
            answer = self.post(connection, path, size, pause, chunked)
            assert answer.status == status
            assert answer.will_close is (chunked or size > 200_000)
            if not answer.will_close:
                connection.request("GET", "/v1/hello")
                assert connection.getresponse().status == 200
            connection.close()

    @pytest.mark.parametrize("path", ["/v1/hello", "/v1/refused"])
    @pytest.mark.parametrize("size", [1_000, 200_000, 1_000_000])
    def test_a_client_that_keeps_its_connections(self, unlimited: EdgeStack, path: str, size: int) -> None:
        with unlimited.client() as client:
            for _ in range(32):
                assert client.post(path, content=b"x" * size).status_code in (401, 405)
                assert client.get("/v1/hello").status_code == 200

    def test_the_memory_for_whole_bodies_is_bounded(self, unlimited: EdgeStack) -> None:
        """While the edge works on a hundred requests, it forwards further bodies as they arrive."""
        before = memory(unlimited, "usage")
        connections = [self.connect(unlimited) for _ in range(200)]
        for connection in connections:
            connection.putrequest("POST", "/v1/echo")
            connection.putheader("Content-Length", "250000")
            connection.endheaders()
            connection.send(b"x" * 249_999)
        time.sleep(1)
        taken = memory(unlimited, "usage") - before
        with unlimited.client() as client:
            assert client.post("/v1/echo", content=b"x" * 15_000).headers["connection"] == "keep-alive"
        ends = []
        for connection in connections:
            connection.send(b"x")
            answer = connection.getresponse()
            assert answer.status == 200
            ends.append(answer.will_close)
            connection.close()
        assert Counter(ends) == {False: 99, True: 101}
        assert taken < memory(unlimited, "limit") / 4
