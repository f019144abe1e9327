"""The API image, before a real Ollama that has pulled its models from the mirror image."""

import json
import tomllib
import uuid
from collections.abc import Iterator
from typing import Any

import docker
import httpx
import openai
import pytest
from docker.models.containers import Container

import images
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from tools.toolchain.images import ensure

QUESTION = "What is the capital of France?"
# Seconds of streaming, and far more than a test waits for.
LONG, ENDLESS = 4_000, 40_000


class Bench:
    """Containers on a network of their own, with the API's port published on loopback."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self.engine = engine
        self.references = ensure(["ollama", "model-mirror", "api"])
        self.mark = f"orca-it-{uuid.uuid4().hex[:6]}"
        self.network = engine.networks.create(self.mark, driver="bridge")

    def run(self, image: str, role: str, **options: Any) -> Container:
        container = self.engine.containers.create(self.references[image], name=f"{self.mark}-{role}", **options)
        self.network.connect(container, aliases=[role])
        container.start()
        return container

    def api(self, role: str, **environment: str) -> tuple[Container, httpx.Client]:
        """An API container as the stack would run it, ready, and a client of it."""
        container = self.run(
            "api",
            role,
            environment={"OLLAMA_BASE_URL": "http://ollama:11434", **environment},
            ports={"8000/tcp": ("127.0.0.1", None)},
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        container.reload()
        port = container.attrs["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        eventually(lambda: answers(client, "/readyz", 200), 20, "the API is ready")
        return container, client


def answers(client: httpx.Client, path: str, status: int) -> bool:
    try:
        return client.get(path).status_code == status
    except httpx.TransportError:
        return False


def ask(model: str, question: str = "x", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": question}], "temperature": 0, **more}


def said(stream: bytes) -> str:
    """The text of a streamed completion; the stream must have come to its end mark."""
    *events, last = stream.decode().strip().split("\n\n")
    assert last == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


def execute(container: Container, *command: str) -> str:
    done = container.exec_run(list(command))
    assert isinstance(done.output, bytes)
    assert done.exit_code == 0, done.output.decode()
    return done.output.decode()


@pytest.fixture(scope="module")
def bench(engine: docker.DockerClient) -> Iterator[Bench]:
    bench = Bench(engine)
    try:
        yield bench
    finally:
        sweep(engine, bench.mark)


@pytest.fixture(scope="module")
def ollama(bench: Bench) -> Container:
    """Ollama with both models of the mirror under their own names."""
    bench.run("model-mirror", "mirror", read_only=True, cap_drop=["ALL"], tmpfs={"/tmp": "uid=101"})
    server = bench.run("ollama", "ollama")
    eventually(lambda: server.exec_run(["ollama", "list"]).exit_code == 0, 20, "Ollama answers")
    for model in models():
        source = f"http://mirror:5000/library/{model}"
        execute(server, "ollama", "pull", "--insecure", source)
        execute(server, "ollama", "cp", source, model)
    return server


@pytest.fixture(scope="module")
def api(bench: Bench, ollama: Container) -> httpx.Client:
    assert ollama.name == f"{bench.mark}-ollama"
    return bench.api("api", ORCA_COLOUR="blue", ORCA_RELEASE="r1")[1]


def anew(ollama: Container) -> None:
    """Ollama with every slot free: a stream that a client leaves can keep its slot for good (ollama/ollama#17131)."""
    ollama.restart(timeout=1)
    eventually(lambda: ollama.exec_run(["ollama", "list"]).exit_code == 0, 20, "Ollama answers again")


def models() -> dict[str, dict[str, Any]]:
    return tomllib.loads((images.FOLDER / "model-mirror" / "models.toml").read_text())


def test_models_have_the_digests_of_the_mirror(ollama: Container) -> None:
    for model, entry in models().items():
        place = f"/root/.ollama/models/manifests/registry.ollama.ai/library/{model.replace(':', '/')}"
        assert execute(ollama, "sha256sum", place).split()[0] == entry["manifest_sha256"]
    listed = execute(ollama, "ollama", "list")
    assert all(entry["manifest_sha256"][:12] in listed for entry in models().values())


def test_model_answers_whole_and_streamed(api: httpx.Client) -> None:
    whole = api.post("/v1/chat/completions", json=ask("smollm2:135m", QUESTION)).json()
    assert whole["choices"][0]["message"]["content"] == "The capital of France is Paris."
    assert whole["usage"]["completion_tokens"] == 8
    streamed = api.post("/v1/chat/completions", json=ask("smollm2:135m", QUESTION, stream=True))
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert said(streamed.content) == "The capital of France is Paris."


def test_long_stream_is_complete(api: httpx.Client) -> None:
    wanted = ask("tiny-random:latest", stream=True, max_tokens=1000, stream_options={"include_usage": True})
    text = said(api.post("/v1/chat/completions", json=wanted).content)
    assert len(text) == 1000
    assert " abcdefghijklmnopqrstuvwxyz " in text
    eventually(lambda: metric(api, "orca_api_tokens_per_second_count") >= 1, 5, "the API has counted the stream")


def test_openai_client_understands_answers_and_errors(api: httpx.Client) -> None:
    client = openai.OpenAI(base_url=str(api.base_url.join("/v1")), api_key="unused", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    chunks = client.chat.completions.create(model="smollm2:135m", messages=messages, temperature=0, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "The capital of France is Paris."
    for stream in (True, False):
        with pytest.raises(openai.NotFoundError) as raised:
            client.chat.completions.create(model="nobody:latest", messages=messages, stream=stream)
        assert raised.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="smollm2:135m", messages=[], stream=stream)
        assert refused.value.param == "messages"


def test_models_and_version(api: httpx.Client) -> None:
    assert {model["id"] for model in api.get("/v1/models").json()["data"]} >= set(models())
    assert api.get("/version").json().items() >= {"colour": "blue", "release": "r1"}.items()


def test_client_that_leaves_stops_ollama(api: httpx.Client, ollama: Container) -> None:
    anew(ollama)  # and with it the lines of the requests of other tests are in the log
    before = ollama.logs().count(b'"/v1/chat/completions"')
    wanted = ask("tiny-random:latest", stream=True, max_tokens=ENDLESS)
    with api.stream("POST", "/v1/chat/completions", json=wanted) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert metric(api, "orca_api_in_flight_completions") == 1
    # Ollama logs a request when it is over with it.
    eventually(lambda: ollama.logs().count(b'"/v1/chat/completions"') > before, 20, "Ollama is over with it")
    eventually(lambda: metric(api, "orca_api_in_flight_completions") == 0, 10, "so is the API")
    assert metric(api, "orca_api_truncated_streams_total") == 0
    anew(ollama)


@pytest.mark.usefixtures("ollama")
def test_sigterm_lets_a_stream_finish(bench: Bench) -> None:
    container, client = bench.api("drained")
    wanted = ask("tiny-random:latest", stream=True, max_tokens=LONG)
    with client.stream("POST", "/v1/chat/completions", json=wanted) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        container.kill("SIGTERM")
        eventually(lambda: refuses(client), 5, "new connections are refused")
        container.reload()
        assert container.status == "running"
        assert len(said(first + b"".join(pieces))) == LONG
    assert container.wait(timeout=10)["StatusCode"] == 0
    lines = [json.loads(line) for line in container.logs().splitlines()]
    assert [line["outcome"] for line in lines if line.get("path") == "/v1/chat/completions"] == ["complete"]


def refuses(client: httpx.Client) -> bool:
    """Whether a new connection is turned away, so that a proxy goes elsewhere."""
    try:
        httpx.get(client.base_url.join("/healthz"), timeout=2, trust_env=False)
    except httpx.TransportError:
        return True
    return False


def test_drain_has_an_end(bench: Bench, ollama: Container) -> None:
    container, client = bench.api("cut", API_DRAIN_SECONDS="1")
    wanted = ask("tiny-random:latest", stream=True, max_tokens=ENDLESS)
    with client.stream("POST", "/v1/chat/completions", json=wanted) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        container.kill("SIGTERM")
        assert container.wait(timeout=10)["StatusCode"] == 0
    lines = [json.loads(line) for line in container.logs().splitlines()]
    assert [line["outcome"] for line in lines if line.get("path") == "/v1/chat/completions"] == ["truncated"]
    anew(ollama)


@pytest.mark.usefixtures("api")
def test_containers_find_themselves_healthy(bench: Bench) -> None:
    def health() -> set[str]:
        listed = [bench.engine.containers.get(f"{bench.mark}-{role}") for role in ("api", "mirror", "ollama")]
        return {container.attrs["State"]["Health"]["Status"] for container in listed}

    eventually(lambda: health() == {"healthy"}, 30, "all are healthy")


def test_ollama_goes_in_the_middle_of_a_stream_and_comes_back(api: httpx.Client, ollama: Container) -> None:
    wanted = ask("tiny-random:latest", stream=True, max_tokens=ENDLESS)
    with api.stream("POST", "/v1/chat/completions", json=wanted) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        ollama.kill()
        stream = first + b"".join(pieces)
    assert b"[DONE]" not in stream
    assert b'"code": "ollama_broke_off"' in stream
    eventually(lambda: metric(api, "orca_api_truncated_streams_total") == 1, 10, "the API has counted the stream")

    ready = api.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert api.get("/healthz").status_code == 200
    for stream_wanted in (True, False):
        refused = api.post("/v1/chat/completions", json=ask("tiny-random:latest", stream=stream_wanted))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ollama_unreachable")
        assert int(refused.headers["retry-after"]) > 0

    ollama.start()
    eventually(lambda: answers(api, "/readyz", 200), 20, "the API is ready again")
    assert api.post("/v1/chat/completions", json=ask("tiny-random:latest", max_tokens=5)).status_code == 200


def test_a_model_too_large_for_the_memory(api: httpx.Client, ollama: Container) -> None:
    """The kernel kills its process inside Ollama's container: clients hear 503, the log has it, all else goes on."""
    ollama.reload()
    started = ollama.attrs["State"]["StartedAt"]
    execute(ollama, "ollama", "stop", "smollm2:135m")
    ollama.update(mem_limit="120m", memswap_limit="120m")
    try:
        refused = api.post("/v1/chat/completions", json=ask("smollm2:135m"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_killed"), refused.text
        assert int(refused.headers["retry-after"]) > 0
        eventually(lambda: b"signal: killed" in ollama.logs(), 10, "Ollama's log has the kill")
        assert api.post("/v1/chat/completions", json=ask("tiny-random:latest", max_tokens=5)).status_code == 200
    finally:
        ollama.update(mem_limit="2g", memswap_limit="2g")
    assert api.post("/v1/chat/completions", json=ask("smollm2:135m", max_tokens=5)).status_code == 200
    ollama.reload()
    assert ollama.attrs["State"]["StartedAt"] == started


def test_bad_environment_is_one_message(bench: Bench) -> None:
    container = bench.run("api", "misled", environment={"PORT": "eighty", "OLLAMA_BASE_URL": "ollama"})
    assert container.wait(timeout=10)["StatusCode"] == 2
    message = container.logs().decode()
    assert message.count("\n") == 1
    assert "PORT" in message
    assert "OLLAMA_BASE_URL" in message
