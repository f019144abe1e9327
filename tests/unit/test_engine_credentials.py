"""A helper of registries' credentials that is missing, fails or answers nonsense: said at once, with its own words."""

import json
import socket
from pathlib import Path
from threading import Thread

import docker
import pytest

from engine import images
from engine.arguments import Images
from engine.credentials import NoCredentials, looked_up
from engine.errors import Refused
from ops import pin as pinning
from settings import load

IMAGE = "registry.example.com/api:1"
NOWHERE = "tcp://127.0.0.1:9"
"""No engine answers there, so all that is asked is the helper."""


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_SILENCE", 1)


def client(monkeypatch: pytest.MonkeyPatch, folder: Path, config: object) -> docker.DockerClient:
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return docker.DockerClient(base_url=NOWHERE, version="1.41")


def helper(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> docker.DockerClient:
    """A client whose credentials are kept by this program."""
    program = folder / "docker-credential-kept"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return client(monkeypatch, folder, {"credsStore": "kept"})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo the token has expired; exit 1", 'exited with "the token has expired".'),
        ("echo no JSON", "JSONDecodeError"),
        ("echo '{}'", "KeyError('Username')"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_helper_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, words: str) -> None:
    monkeypatch.setattr(images, "_is_here", lambda *_: False)
    with pytest.raises(Refused) as refused:
        images.ensure(helper(monkeypatch, tmp_path, script), Images(pulled=(IMAGE,), built=()))
    text = str(refused.value)
    assert f"  {IMAGE}: its credentials cannot be had: " in text
    assert words in text
    assert f"(`docker login`, or `credsStore` and `credHelpers` in {tmp_path}/config.json)" in text


@pytest.mark.filterwarnings("error")
def test_a_helper_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = {"credHelpers": {"registry.example.com": "left-over"}}
    problem = images._pull(client(monkeypatch, tmp_path, config), IMAGE, "image 1/1")
    assert "docker-credential-left-over not installed or not available in PATH" in problem


def test_the_engine_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "_PAUSE", 0)
    found = client(monkeypatch, tmp_path, {})
    assert "the engine stopped answering" in images._pull(found, IMAGE, "image 1/1")


def test_a_pin_names_every_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = helper(monkeypatch, tmp_path, "echo the token has expired; exit 1")
    base = {"profile": "development", "OLLAMA_VERSION": "1.0.0", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
    monkeypatch.setattr(pinning, "ROOT", tmp_path)
    monkeypatch.setattr(
        pinning, "read_stack", lambda *_, **__: load("x", {**base, "images": {"nginx": "nginx:1.31.9"}})
    )
    monkeypatch.setattr(pinning, "engine_of", lambda _: NOWHERE)
    monkeypatch.setattr(pinning, "connect", lambda _: found)
    (tmp_path / "Pulumi.x.yaml").write_text("config: {}")
    with pytest.raises(Refused) as refused:
        pinning.pin("x", move=False)
    text = str(refused.value)
    for image in ("ollama/ollama:1.0.0", "nginx:1.31.9"):
        assert f"  {image}: its credentials cannot be had" in text
    assert text.count("the token has expired") == 2
    assert text.count("`docker login`") == 1


def test_whatever_ends_the_pull_ends_the_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = client(monkeypatch, tmp_path, {})

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(found.api, "pull", broken)
    with pytest.raises(RuntimeError, match="broken"):
        images._pull(found, "a:1", "image 1/1")


def test_errors_of_the_engine_stay_as_they_are() -> None:
    with pytest.raises(docker.errors.APIError), looked_up():
        raise docker.errors.APIError("no")
    with pytest.raises(NoCredentials, match="store"), looked_up():
        raise docker.errors.DockerException("store")


@pytest.mark.parametrize("begun", ['{"status": "Pulling"}\r\n', '{"stat'], ids=["between two lines", "in a line"])
def test_a_pull_that_breaks_off_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, begun: str) -> None:
    """An engine that is restarted ends its answer in the middle: no error of the socket, and none of its own."""
    tries: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(3):
            with listener.accept()[0] as caller:
                tries.append(caller.recv(65536))
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                caller.sendall(head + f"{len(begun):x}\r\n{begun}\r\n".encode())

    monkeypatch.setattr(images, "_PAUSE", 0)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        engine = docker.DockerClient(base_url=f"tcp://127.0.0.1:{listener.getsockname()[1]}", version="1.41")
        assert "the engine stopped answering" in images._pull(engine, "a:1", "image 1/1")
    assert len(tries) == 3
