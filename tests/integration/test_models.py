"""Models on the whole stack: what an edit of them and of Ollama does, while clients stream."""

import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import openai
import pytest
import requests

import images
from engine.gpu import missing
from engine.ollama import in_memory, models
from tests.integration.conftest import CONFIG, PLACE
from tools.lab.project import Project
from tools.lab.streams import WHOLE, streaming

BASE = f"https://localhost:{PLACE.https}"
TINY, EMBED, SMOLLM = "tiny-random:latest", "tiny-embed:latest", "smollm2:135m"
ZEROS = "sha256:" + "0" * 64


@pytest.fixture(autouse=True, scope="module")
def _as_it_was(stack: Project) -> Iterator[None]:
    """The stack is as others expect it when all tests here are done."""
    yield
    stack.write(dict(CONFIG))
    stack.up()


def server(engine: docker.DockerClient) -> Any:
    return engine.containers.get(f"{PLACE.name}-ollama")


def listed(engine: docker.DockerClient) -> dict[str, str]:
    return {model.name: model.digest for model in models(server(engine))}


def test_models_come_and_go_while_clients_stream(
    stack: Project, config: dict[str, Any], engine: docker.DockerClient, ca: Path
) -> None:
    """Added, pinned, refused, removed, pruned; `ollama list` and the output agree."""
    before = server(engine).attrs["State"]["StartedAt"]
    with streaming(BASE, ca, TINY, tokens=3000) as ends:
        stack.write({**config, "OLLAMA_MODELS": f"{TINY}, {EMBED},"})
        stack.up()
        outputs = stack.outputs()["models"]
        assert outputs == listed(engine)
        assert set(outputs) == {TINY, EMBED}

        stack.write({**config, "OLLAMA_MODELS": [TINY, f"{EMBED}@{ZEROS}", "nobody:1"]})
        failed = stack.up(check=False)
        assert failed.returncode
        assert f"{EMBED} has digest {outputs[EMBED]}, but OLLAMA_MODELS pins {ZEROS}" in failed.stdout + failed.stderr
        assert listed(engine) == outputs

        stack.write({**config, "OLLAMA_MODELS": [f"{TINY}@{outputs[TINY]}"], "ollama": {"cpus": "2", "prune": True}})
        stack.up()
        assert stack.outputs()["models"] == listed(engine) == {TINY: outputs[TINY]}
    assert set(ends) == {WHOLE}
    assert server(engine).attrs["State"]["StartedAt"] == before


@pytest.mark.parametrize("names", [[EMBED, TINY], [EMBED]], ids=["first", "alone"])
def test_an_embedding_model_is_no_reason_to_refuse_a_release(
    stack: Project, config: dict[str, Any], names: list[str], ca: Path
) -> None:
    """The gate asks the model that can chat; where none can, it asks for an embedding."""
    env = {"X": str(len(names))}
    stack.write({**config, "OLLAMA_MODELS": names, "api": {**config["api"], "env": env}, "rollout": {"watch": "0s"}})
    said = stack.up()
    path = "/v1/chat/completions" if TINY in names else "/v1/embeddings"
    assert f"POST {path} answered as expected" in said.stdout + said.stderr
    trusted = openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=ca))
    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="unused", max_retries=0, http_client=trusted)
    made = client.embeddings.create(model=EMBED, input=["one", "two"])
    assert [len(entry.embedding) > 1 for entry in made.data] == [True, True]


def test_a_restart_of_ollama_ends_with_its_models_in_memory(
    stack: Project, config: dict[str, Any], engine: docker.DockerClient, ca: Path
) -> None:
    """An edit that recreates Ollama, as a new version does: meanwhile clients get 503 and Retry-After."""
    loaded = {"cpus": "2", "keepAlive": "-1", "preload": "all"}
    edge = {**config["edge"], "rateLimit": "off"}
    stack.write({**config, "OLLAMA_MODELS": [TINY, EMBED], "ollama": loaded, "edge": edge})
    assert {"ollama", "ollama-load"} <= set(stack.planned())
    stop, seen = threading.Event(), []

    def ask() -> None:
        body = {"model": TINY, "max_tokens": 2, "messages": [{"role": "user", "content": "a"}]}
        while not stop.is_set():
            answer = requests.post(f"{BASE}/v1/chat/completions", json=body, verify=str(ca), timeout=60)
            seen.append((time.monotonic(), answer.status_code, answer.headers.get("retry-after"), answer.text[:200]))
            time.sleep(0.1)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        stack.up()
    finally:
        stop.set()
        thread.join()
    bad = [found for found in seen if found[1] != 200]
    assert {found[1] for found in bad} <= {502, 503}, bad
    assert all(found[2] for found in bad if found[1] == 503), bad
    assert [found for found in bad if found[1] == 502][1:] == [], "what was in flight when it stopped, at most"
    away = bad[-1][0] - bad[0][0] if bad else 0.0
    print(f"Ollama was away for {away:.1f} s, and {len(bad)} of {len(seen)} requests were refused")
    assert away < 60
    here = listed(engine)
    assert {found.digest for found in in_memory(server(engine))} == {here[TINY], here[EMBED]}
    environment = server(engine).attrs["Config"]["Env"]
    assert "OLLAMA_KEEP_ALIVE=-1" in environment
    assert not [line for line in environment if line.startswith("OLLAMA_MODELS=")]


def test_a_release_finds_its_models_in_memory_after_a_restart_by_hand(
    stack: Project, config: dict[str, Any], engine: docker.DockerClient
) -> None:
    """As after a reboot of the host: the model server is the same container, and has nothing in memory."""
    loaded = {"cpus": "2", "keepAlive": "-1", "preload": "all"}
    values = {**config, "OLLAMA_MODELS": [TINY, EMBED], "ollama": loaded}
    stack.write(values)
    stack.up()
    server(engine).restart(timeout=1)
    stack.write({**values, "api": {**config["api"], "env": {"X": "restarted"}}})
    stack.up()
    here = listed(engine)
    assert {found.digest for found in in_memory(server(engine))} == {here[TINY], here[EMBED]}


def test_what_cannot_fit_is_refused_before_anything_is_touched(stack: Project, config: dict[str, Any]) -> None:
    small = {"OLLAMA_MEMORY_LIMIT": "64M", "OLLAMA_MEMORY_RESERVATION": "64M", "ollama": {"cpus": "2"}}
    stack.write({**config, **small})
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode
    assert f"OLLAMA_MEMORY_LIMIT of 64 MiB does not hold {TINY}" in refused.stdout + refused.stderr
    stack.write(config)
    assert f"memory of {PLACE.name}-ollama: {TINY} " in stack.pulumi("preview").stdout


def test_a_model_from_elsewhere_is_added_to_the_mirror(
    stack: Project, config: dict[str, Any], engine: docker.DockerClient, tmp_path: Path
) -> None:
    """`make mirror`, from a container of Ollama and from a folder of models."""
    container = server(engine)
    assert container.exec_run(["ollama", "cp", TINY, "carried:1"]).exit_code == 0
    folder = tmp_path / "models"
    taken = container.exec_run(["tar", "-C", "/root/.ollama/models", "-c", "."]).output
    folder.mkdir()
    stack.folder.joinpath("models.tar").write_bytes(taken)
    stack.run("tar", "-C", str(folder), "-xf", "models.tar")
    stack.run("python3", "-m", "ops", "mirror", "carried:1", "--stack", stack.name, "--from", container.name)
    again = stack.run("python3", "-m", "ops", "mirror", "carried:1", "--stack", stack.name, "--from", str(folder))
    assert "is there already" in again.stderr
    none = stack.run(
        "python3", "-m", "ops", "mirror", "nobody:1", "--stack", stack.name, "--from", str(folder), check=False
    )
    assert "does not have nobody:1. Nothing was changed." in none.stderr
    assert container.exec_run(["ollama", "rm", "carried:1"]).exit_code == 0
    stack.write({**config, "OLLAMA_MODELS": [TINY, "carried:1"]})
    stack.up()
    outputs = stack.outputs()["models"]
    assert outputs["carried:1"] == outputs[TINY]


@pytest.mark.usefixtures("stack")
def test_the_server_has_no_way_out(engine: docker.DockerClient) -> None:
    container = server(engine)
    networks = container.attrs["NetworkSettings"]["Networks"]
    assert set(networks) == {f"{PLACE.name}-model"}
    assert engine.networks.get(f"{PLACE.name}-model").attrs["Internal"]
    assert container.exec_run(["timeout", "3", "bash", "-c", "exec 3<> /dev/tcp/192.0.2.1/443"]).exit_code


def test_gpus_that_the_host_does_not_have(engine: docker.DockerClient) -> None:
    here = [images.reference("ollama")]
    assert "the engine has no driver for NVIDIA's GPUs" in missing(engine, ["none:1", *here], "all", ())
    assert "the engine has no driver" in missing(engine, here, "device=0", ())
    assert "the host does not have them" in missing(engine, here, "", ("/dev/kfd", "/dev/dri"))
    assert missing(engine, here, "", ("/dev/null",)) == ""
    assert missing(engine, ["none:1"], "all", ()) == ""
