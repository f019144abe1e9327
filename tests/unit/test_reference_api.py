"""The reference backend over real sockets, in front of a small server that has all of Ollama's moods."""

import asyncio
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

import images
from settings import SettingsError, load

sys.path.append(str(images.FOLDER / "api"))
from orca_api import app, completions, errors, ollama, record, settings, sse

DEV = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
EVENT = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}\n\n'
DONE = b"data: [DONE]\n\n"


class Upstream:
    """Behaves as the name of the model says."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.left = threading.Event()
        self.headers: dict[str, str] = {}
        self.models = ["good"]
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self.completions, methods=["POST"]),
                Route("/v1/completions", self.completions, methods=["POST"]),
                Route("/v1/embeddings", self.embeddings, methods=["POST"]),
                Route("/v1/models", lambda _: JSONResponse({"object": "list", "data": []})),
                Route("/v1/models/{name:path}", self.model),
                Route("/api/tags", lambda _: JSONResponse({"models": [{"name": name} for name in self.models]})),
            ]
        )

    async def completions(self, request: Request) -> Response:
        self.headers = dict(request.headers)
        wanted = await request.json()
        match wanted["model"]:
            case "busy":
                return JSONResponse({"error": "server busy, please try again"}, 503)
            case "unknown":
                return JSONResponse({"error": {"message": 'model "unknown" not found'}}, 404)
            case "broken":
                return JSONResponse({"error": {"message": "llama runner process has terminated"}}, 500)
            case "killed":
                reason = "llama-server process has terminated: signal: killed"
                return JSONResponse({"error": {"message": reason}}, 500)
            case "endless-whole":
                while not await request.is_disconnected():
                    await asyncio.sleep(0.02)
                self.left.set()
        if not wanted.get("stream"):
            return JSONResponse({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})
        return StreamingResponse(self._events(wanted["model"]), media_type="text/event-stream")

    async def embeddings(self, request: Request) -> Response:
        wanted = await request.json()
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, len(wanted["input"])]}]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return JSONResponse({"object": "list", "model": wanted["model"], "data": data, "usage": usage})

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.models:
            return JSONResponse({"error": {"message": f'model "{name}" not found'}}, 404)
        return JSONResponse({"id": name, "object": "model", "created": 1, "owned_by": "library"})

    async def _events(self, model: str) -> AsyncIterator[bytes]:
        try:
            yield EVENT
            while model == "stepwise" and not self.go_on.is_set():
                await asyncio.sleep(0.01)
            while model == "endless":
                await asyncio.sleep(0.02)
                yield EVENT
            if model == "snaps":
                raise ConnectionAbortedError
            yield USAGE
            if model != "endmark-missing":
                yield DONE
        finally:
            if model == "endless":
                self.left.set()


@contextmanager
def serving(application: ASGIApp) -> Iterator[str]:
    """Serves on a free port of this machine; gives the URL."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, timeout_graceful_shutdown=1))
    # Nobody waits for its end, which takes a third of a second and touches no other test.
    threading.Thread(target=server.run, daemon=True).start()
    try:
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "that did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def service() -> list[app.Service]:
    """Where `client` leaves the service that it talks to."""
    return []


@pytest.fixture
def client(upstream: Upstream, service: list[app.Service]) -> Iterator[httpx.Client]:
    with serving(upstream.app) as url:
        application, made = app.create(
            settings.Settings(ollama_base_url=url, colour="blue", release="r1", max_in_flight=2)
        )
        service.append(made)
        with serving(application) as base, httpx.Client(base_url=base, timeout=10, trust_env=False) as client:
            yield client


def ask(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "a secret prompt"}], **more}


def metric(client: httpx.Client, name: str) -> float:
    line = next(line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[-1])


def request_line(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The log line of the one completion; it is written a moment after the answer has reached its client."""

    def lines() -> list[logging.LogRecord]:
        return [entry for entry in caplog.records if entry.name == "orca_api.requests"]

    wait_for(lines)
    (line,) = lines()
    return line


def test_stream_is_passed_on_as_it_comes_and_to_its_end(client: httpx.Client, upstream: Upstream) -> None:
    with client.stream("POST", "/v1/chat/completions", json=ask("stepwise", stream=True)) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        pieces = answer.iter_raw()
        assert next(pieces) == EVENT  # before anything else has been made
        assert metric(client, "orca_api_in_flight_completions") == 1
        upstream.go_on.set()
        assert b"".join(pieces) == USAGE + DONE
    wait_for(lambda: metric(client, "orca_api_in_flight_completions") == 0)
    assert metric(client, "orca_api_truncated_streams_total") == 0
    assert metric(client, 'orca_api_tokens_total{kind="completion"}') == 5


def test_whole_answer_is_passed_on(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", json=ask("good"), headers={"X-Request-ID": "r-1"})
    assert answer.status_code == 200
    assert answer.json()["usage"]["completion_tokens"] == 5
    assert answer.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize("model", ["snaps", "endmark-missing"])
def test_truncated_stream_has_an_error_and_no_end_mark(
    client: httpx.Client, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = client.post("/v1/chat/completions", json=ask(model, stream=True))
    assert answer.content.startswith(EVENT)
    assert b"[DONE]" not in answer.content
    last = json.loads(answer.content.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert last["error"]["code"] == "ollama_broke_off"
    wait_for(lambda: metric(client, "orca_api_truncated_streams_total") == 1)
    line = request_line(caplog)
    assert line.levelname == "WARNING"
    assert line.__dict__["fields"]["outcome"] == "truncated"


@pytest.mark.parametrize(
    ("model", "status", "code", "retry"),
    [
        ("busy", 503, "overloaded", True),
        ("unknown", 404, "model_not_found", False),
        ("broken", 502, "ollama_error", False),
        ("killed", 503, "model_killed", True),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_refusals_of_ollama(
    client: httpx.Client, model: str, status: int, code: str, retry: bool, stream: bool
) -> None:
    answer = client.post("/v1/chat/completions", json=ask(model, stream=stream))
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["code"] == code
    assert ("retry-after" in answer.headers) == retry


def test_client_that_leaves_a_stream_stops_ollama(client: httpx.Client, upstream: Upstream) -> None:
    with client.stream("POST", "/v1/chat/completions", json=ask("endless", stream=True)) as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == EVENT
        assert not upstream.left.is_set()
    assert upstream.left.wait(10)
    wait_for(lambda: metric(client, "orca_api_clients_left_total") == 1)
    assert metric(client, "orca_api_in_flight_completions") == 0


def test_client_that_leaves_before_the_answer_stops_ollama(client: httpx.Client, upstream: Upstream) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json=ask("endless-whole"), timeout=0.3)
    assert upstream.left.wait(10)
    wait_for(lambda: 'status="499"} 1.0' in client.get("/metrics").text)


def test_more_than_may_run_are_refused(client: httpx.Client, upstream: Upstream) -> None:
    request = ask("stepwise", stream=True)
    with (
        client.stream("POST", "/v1/chat/completions", json=request) as first,
        client.stream("POST", "/v1/chat/completions", json=request) as second,
    ):
        refused = client.post("/v1/chat/completions", json=request)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["error"]["code"] == "overloaded"
        upstream.go_on.set()
        assert first.read().endswith(DONE)
        assert second.read().endswith(DONE)
    wait_for(lambda: client.post("/v1/chat/completions", json=request).status_code == 200)


def test_nothing_listens_upstream() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = settings.Settings(ollama_base_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        application, _ = app.create(dead)
        with serving(application) as base, httpx.Client(base_url=base, trust_env=False) as client:
            refused = client.post("/v1/chat/completions", json=ask("good", stream=True))
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ollama_unreachable")
            assert "retry-after" in refused.headers
            assert client.get("/v1/models").status_code == 503
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200


class TestTheRestOfTheInterface:
    """As the openai package asks for it."""

    @pytest.fixture
    def package(self, client: httpx.Client) -> openai.OpenAI:
        return openai.OpenAI(base_url=str(client.base_url.join("/v1")), api_key="unused", max_retries=0)

    @pytest.mark.parametrize("name", ["good", "library/good:1b-q4", "with blank"])
    def test_one_model(self, package: openai.OpenAI, upstream: Upstream, name: str) -> None:
        upstream.models = [name]
        assert package.models.retrieve(name).id == name

    def test_a_slash_too_many_is_no_model_without_a_name(self, client: httpx.Client) -> None:
        assert client.get("/v1/models/").json() == client.get("/v1/models").json()

    def test_a_model_that_is_not_there(self, package: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as raised:
            package.models.retrieve("none")
        assert raised.value.code == "model_not_found"

    @pytest.mark.parametrize("text", ["one", ["one", "two"]])
    def test_embeddings(self, package: openai.OpenAI, text: str | list[str]) -> None:
        made = package.embeddings.create(model="good", input=text, encoding_format="float")
        assert made.data[0].embedding == [0.5, len(text)]

    def test_a_completion_without_a_chat(self, package: openai.OpenAI) -> None:
        made = package.completions.create(model="good", prompt="one")
        assert made.usage
        assert made.usage.completion_tokens == 5

    @pytest.mark.parametrize(("path", "field"), [("/v1/completions", "prompt"), ("/v1/embeddings", "input")])
    def test_nothing_is_asked(self, client: httpx.Client, path: str, field: str) -> None:
        for body in ({"model": "good"}, {"model": "good", field: ""}, {"model": "good", field: 1}):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)

    def test_they_have_series_of_their_own(self, client: httpx.Client, package: openai.OpenAI) -> None:
        package.models.retrieve("good")
        package.embeddings.create(model="good", input="one", encoding_format="float")
        text = client.get("/metrics").text
        assert 'orca_api_requests_total{path="/v1/models/{id}",status="200"} 1.0' in text
        assert 'orca_api_requests_total{path="/v1/embeddings",status="200"} 1.0' in text


def test_the_edge_alone_bounds_a_body() -> None:
    """One limit, one setting: what edge.bodyLimit lets through is never refused for its size by the API."""
    most = load("x", {**DEV, "edge": {"bodyLimit": "1G"}}).edge.body_limit
    assert settings.Settings().max_body_bytes >= most
    with pytest.raises(SettingsError, match=r"edge\.bodyLimit"):
        load("x", {**DEV, "edge": {"bodyLimit": "1025M"}})


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b"[]", None),
        (b"\xff", None),
        (b"{}", "model"),
        (b'{"model": 1, "messages": [1]}', "model"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": [1], "stream": "yes"}', "stream"),
    ],
)
def test_bad_requests_are_400(content: bytes, param: str | None) -> None:
    with pytest.raises(errors.ApiError) as raised:
        completions.validate(content, "messages")
    assert (raised.value.status, raised.value.param) == (400, param)
    assert errors.body(raised.value)["error"]["type"] == "invalid_request_error"


def test_bad_request_wrong_method_and_unknown_path_have_the_same_shape(client: httpx.Client) -> None:
    answers = {
        400: client.post("/v1/chat/completions", content=b"{"),
        404: client.get("/v1/nothing"),
        405: client.get("/v1/chat/completions"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answers[405].headers["allow"] == "POST"
    assert 'orca_api_requests_total{path="other",status="404"} 1.0' in client.get("/metrics").text


def test_too_large_a_request_is_refused() -> None:
    application, _ = app.create(settings.Settings(max_body_bytes=2000))
    with serving(application) as base, httpx.Client(base_url=base, trust_env=False) as client:
        answer = client.post("/v1/chat/completions", json=ask("good", padding="x" * 3000))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_readiness_tells_why_not(client: httpx.Client, upstream: Upstream, service: list[app.Service]) -> None:
    assert client.get("/readyz").json() == {"ready": True, "models": ["good"]}
    upstream.models = []
    assert client.get("/readyz").json() == {"ready": False, "reason": "Ollama has no model"}
    upstream.models = ["good"]
    service[0].draining = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the server is shutting down")
    assert client.get("/healthz").status_code == 200


def test_version_tells_colour_and_release(client: httpx.Client) -> None:
    assert client.get("/version").json().items() >= {"colour": "blue", "release": "r1"}.items()


def test_no_secret_reaches_the_log_or_ollama(
    client: httpx.Client, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer sesame", "X-Request-ID": "bad id"}
    answer = client.post("/v1/chat/completions", json=ask("good"), headers=headers)
    assert "authorization" not in upstream.headers
    assert record.SANE_ID.fullmatch(answer.headers["x-request-id"])
    assert upstream.headers["x-request-id"] == answer.headers["x-request-id"]
    line = request_line(caplog)
    fields = line.__dict__["fields"]
    assert fields.items() >= {"status": 200, "model": "good", "stream": False, "outcome": "complete"}.items()
    ours = json.dumps([entry.__dict__ for entry in caplog.records if entry.name.startswith("orca_api")], default=str)
    assert "secret prompt" not in ours
    assert "sesame" not in ours


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_stream_reader_sees_the_end_however_it_is_cut(size: int) -> None:
    whole = (EVENT + USAGE + DONE).replace(b"\n", b"\r\n")
    reader = sse.StreamReader()
    for start in range(0, len(whole), size):
        assert not reader.done or start > whole.index(b"[DONE]")
        reader.feed(whole[start : start + size])
    assert reader.done
    assert sse.tokens(reader.usage, "completion") == 5


@pytest.mark.parametrize("text", [b"data: [DON", b"data: x[DONE]\n", b": [DONE]\n", b'data: {"content": "[DONE]"}\n'])
def test_stream_reader_takes_nothing_else_for_the_end(text: bytes) -> None:
    reader = sse.StreamReader()
    reader.feed(text)
    assert not reader.done


@pytest.mark.parametrize("document", [b"", b"[]", b'{"usage": null}', b'{"usage": 3}', b"{"])
def test_missing_usage_is_no_error(document: bytes) -> None:
    assert sse.usage(document) == {}
    assert sse.tokens({"completion_tokens": "5"}, "completion") is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (httpx.ConnectError(""), 503),
        (httpx.ConnectTimeout(""), 503),
        (httpx.PoolTimeout(""), 503),
        (httpx.ReadTimeout(""), 504),
        (httpx.ReadError(""), 502),
        (httpx.RemoteProtocolError(""), 502),
    ],
)
def test_failures_of_the_connection(error: httpx.HTTPError, status: int) -> None:
    assert ollama.failure(error).status == status


def test_settings_report_every_error_at_once() -> None:
    assert settings.load({"PORT": ""}) == settings.Settings()
    assert settings.load({"OLLAMA_BASE_URL": "http://o:1/", "PORT": "81"}).ollama_base_url == "http://o:1"
    bad = {"OLLAMA_BASE_URL": "ollama:11434", "PORT": "eighty", "API_DRAIN_SECONDS": "1.5", "API_MAX_IN_FLIGHT": "nan"}
    with pytest.raises(settings.BadSettings) as raised:
        settings.load(bad)
    assert all(name in str(raised.value) for name in bad)
