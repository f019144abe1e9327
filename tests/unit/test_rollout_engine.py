"""A Docker engine on the wire, asked with the docker package and in haste: what either makes of the same answers."""

import json
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

import docker
import pytest
from docker.errors import APIError

from engine.address import Address, of_stack
from engine.client import connect, connect_quickly, execute, find, lines
from engine.edge import Edge
from engine.errors import NeedsPerson, NotRunning
from rollout.colours import find_colours, volumes_of

Client = Callable[[Address], docker.DockerClient]


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(data)) + data


def inspected(name: str, **more: Any) -> dict[str, Any]:
    """A container as the engine describes it."""
    networks = {"app": {"IPAddress": "", "IPAMConfig": {"IPv4Address": "10.80.0.2"}}}
    return {
        "Id": f"id-of-{name}",
        "Name": f"/{name}",
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"User": "101:101", "Labels": {"orca.release": "r" * 12}, "Image": "api:1"},
        "RestartCount": 0,
        "NetworkSettings": {"Networks": networks},
        "Mounts": [{"Type": "volume", "Name": f"{name}-secrets"}, {"Type": "bind", "Source": "/a"}],
    } | more


class Engine(BaseHTTPRequestHandler):
    """An engine with containers, `there`, and one process: its `output` comes in one packet with the answer's head."""

    protocol_version = "HTTP/1.1"
    output: ClassVar[bytes] = b""
    ends: ClassVar[list[int | None]] = []
    speaks: ClassVar[str] = "1.52"
    there: ClassVar[dict[str, dict[str, Any]]] = {}
    listed: ClassVar[list[str]] = []
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(f"{self.path} {sent.decode()}")
        if self.path.endswith("/start"):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
            self.wfile.write(head + self.output)
            self.close_connection = True
        elif "/exec" in self.path and "id-of-paused" in self.path:
            self._answer({"message": "it is paused"}, 409)
        else:
            self._answer({"Id": "x"}, 201)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.partition("?")[0].split("/")[-2].removeprefix("id-of-")
        if self.path == "/_ping":
            self._answer("OK")
        elif "/exec/" in self.path:
            self._answer({"ExitCode": self.ends.pop(0)})
        elif name == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b'{"Id": ')
            self.close_connection = True
        elif "/containers/json" in self.path:
            self._answer([{"Id": f"id-of-{found}"} for found in self.listed])
        elif name in self.there:
            self._answer(self.there[name])
        else:
            self._answer({"message": f"No such container: {name}"}, 404)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.speaks:
            self.send_header("Api-Version", self.speaks)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    for name, value in {"there": {"c": inspected("c"), "paused": inspected("paused")}, "asked": []}.items():
        monkeypatch.setattr(Engine, name, value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield of_stack(f"tcp://127.0.0.1:{server.server_port}")
    server.shutdown()


@pytest.fixture(params=[connect, connect_quickly])
def client(request: pytest.FixtureRequest, address: Address) -> Any:
    return request.param(address)


def run(client: docker.DockerClient, name: str = "c", **more: Any) -> Any:
    container = find(client, name)
    assert container
    return execute(container, ["x"], **more)


def test_the_output_of_a_quick_process_is_whole(client: docker.DockerClient) -> None:
    Engine.output = frame(1, b"one\n") + frame(2, b"oops") + frame(1, b"") + frame(1, b"two\n")
    Engine.ends = [3]
    result = run(client)
    assert (result.code, result.stdout, result.stderr) == (3, "one\ntwo\n", "oops")


def test_the_end_of_a_process_may_come_after_its_output(client: docker.DockerClient) -> None:
    Engine.output, Engine.ends = b"", [None, None, 1]
    assert run(client).code == 1


def test_a_process_gets_its_user_and_its_variables(client: docker.DockerClient) -> None:
    Engine.output, Engine.ends = b"", [0]
    run(client, user="0:101", env={"A": "1 2"})
    path, _, sent = next(asked for asked in Engine.asked if "/containers/id-of-c/exec" in asked).partition(" ")
    assert path == "/v1.52/containers/id-of-c/exec"
    wanted = {"Cmd": ["x"], "User": "0:101", "Env": ["A=1 2"], "AttachStdout": True, "AttachStderr": True}
    assert wanted.items() <= json.loads(sent).items()


def test_an_answer_that_is_cut_off_is_a_lost_connection(address: Address) -> None:
    with pytest.raises(ConnectionError, match="IncompleteRead"):
        connect_quickly(address).get("cut")


def test_one_connection_goes_on_after_a_process(client: docker.DockerClient) -> None:
    Engine.output, Engine.ends = frame(1, b"a"), [0, 0]
    assert [run(client).stdout, run(client).stdout] == ["a", "a"]


def test_lines_are_whole_however_they_come() -> None:
    assert list(lines([b"bl", b"ue\ngreen\nbl", b"ue"])) == ["blue", "green", "blue"]


def test_a_container_that_is_not_there_is_none(client: docker.DockerClient) -> None:
    assert find(client, "nobody") is None
    assert find(client, "c") is not None


def test_what_the_engine_refuses_is_said_in_its_words(client: docker.DockerClient) -> None:
    with pytest.raises(APIError) as refused:
        run(client, "paused")
    assert refused.value.explanation == "it is paused"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("paused", "`docker unpause paused`"),
        ("exited", "`docker start paused`"),
        ("restarting", "`docker logs paused`"),
        ("created", "`pulumi up --refresh`"),
    ],
)
def test_a_container_that_does_not_run_is_named_with_what_brings_it_back(
    client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch, status: str, advice: str
) -> None:
    """The engine's own refusal has an id and no advice."""
    monkeypatch.setattr(Engine, "there", {"paused": inspected("paused", State={"Status": status})})
    with pytest.raises(NotRunning, match=rf"^paused is {status}[.:] .*{advice}"):
        run(client, "paused")


def test_both_see_the_same_colours(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"Status": "exited", "ExitCode": 3, "StartedAt": "0001-01-01T00:00:00Z", "Health": {"Status": "unhealthy"}}
    names = ("s-api-green", "s-api-blue", "s-api-blue-2", "s-api-blue-x", "s-api-green-2")
    found = {name: inspected(name) for name in names[:-1]}
    found["s-api-green"] |= {"State": ended, "RestartCount": 2}
    monkeypatch.setattr(Engine, "there", found)
    monkeypatch.setattr(Engine, "listed", list(names))  # the last is removed between the list and the look
    slow, quick = (find_colours(made(address), "s-api") for made in (connect, connect_quickly))
    assert slow == quick
    assert [replica.name for replica in quick["blue"]] == ["s-api-blue", "s-api-blue-2"]
    assert volumes_of(quick["blue"]) == ("s-api-blue-2-secrets", "s-api-blue-secrets")
    assert [(replica.state, replica.restarts) for replica in quick["green"]] == [("exited (3)", 2)]
    asked = [parse_qs(asked.partition("?")[2]) for asked in Engine.asked if "/containers/json" in asked]
    assert [query["all"] for query in asked] == [["1"], ["1"]]
    filters = [json.loads(query["filters"][0]) for query in asked]
    assert filters[0] == filters[1] == {"name": [r"^/?s\-api-"]}


def test_an_edge_that_does_not_run_says_so(client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "there", {"e": inspected("e", State={"Status": "exited"})})
    with pytest.raises(NeedsPerson, match="e is exited"):
        Edge(client, "e")
    with pytest.raises(NeedsPerson, match="f does not exist"):
        Edge(client, "f")


@pytest.mark.parametrize("made", [connect, connect_quickly])
def test_an_engine_is_spoken_to_in_the_newest_way_it_knows(made: Client, address: Address) -> None:
    """Docker Engine 29 refuses the oldest one that Docker Engine 20.10 knows."""
    find(made(address), "c")
    assert Engine.asked == ["/_ping", "/v1.52/containers/c/json"]


@pytest.mark.parametrize("made", [connect, connect_quickly])
def test_something_else_at_the_engines_address_is_one_message(
    made: Client, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "speaks", "")
    with pytest.raises(NeedsPerson, match="no Docker engine"):
        made(address)


@pytest.mark.parametrize("made", [connect, connect_quickly])
@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock"])
def test_an_engine_that_is_not_there_is_one_message(made: Client, url: str) -> None:
    with pytest.raises(NeedsPerson, match=f"The Docker engine at {url} does not answer: "):
        made(of_stack(url))


def test_an_engine_that_goes_away_is_no_broken_pipe_of_the_output(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    client = connect_quickly(address)
    monkeypatch.setattr(HTTPConnection, "request", gone)
    with pytest.raises(ConnectionError) as lost:
        find(client, "c")
    assert not isinstance(lost.value, BrokenPipeError)


@pytest.mark.parametrize("made", [connect, connect_quickly])
def test_several_threads_ask_at_the_same_time(made: Client, address: Address) -> None:
    """A watch sends requests of its own while the rollout reads the log and flips back."""
    client, together = made(address), threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait(10)
        return sum(find(client, "c") is not None for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [20] * 8
