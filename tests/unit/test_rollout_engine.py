"""Commands in containers: what the engine says on the wire, and what comes out of it."""

import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import docker
import pytest
from docker.models.containers import Container

from engine.client import execute, follow


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


class Engine(BaseHTTPRequestHandler):
    """The three calls of an exec, as the engine answers them. `output` comes in one packet with the answer's head."""

    protocol_version = "HTTP/1.1"
    output: ClassVar[bytes] = b""
    ends: ClassVar[list[int | None]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/start"):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
            self.wfile.write(head + self.output)
            self.close_connection = True
        else:
            self._answer({"Id": "x"})

    def do_GET(self) -> None:
        self._answer({"ExitCode": self.ends.pop(0)})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
def container() -> Iterator[Container]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.41")
    yield Container(attrs={"Id": "c"}, client=client)
    client.close()
    server.shutdown()


def test_the_output_of_a_quick_process_is_whole(container: Container) -> None:
    Engine.output = frame(1, b"one\n") + frame(2, b"oops") + frame(1, b"") + frame(1, b"two\n")
    Engine.ends = [3]
    result = execute(container, ["x"])
    assert (result.code, result.stdout, result.stderr) == (3, "one\ntwo\n", "oops")


def test_the_end_of_a_process_may_come_after_its_output(container: Container) -> None:
    Engine.output, Engine.ends = b"", [None, None, 1]
    assert execute(container, ["x"]).code == 1


def test_lines_are_whole_however_they_come(container: Container) -> None:
    Engine.output = frame(1, b"bl") + frame(1, b"ue\ngreen\nbl") + frame(1, b"ue")
    assert list(follow(container, ["x"])) == ["blue", "green", "blue"]
