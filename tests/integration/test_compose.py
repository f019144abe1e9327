"""The rendered compose file, run by Docker Compose; and the move to the stack: as docs/from-compose.md has it."""

from collections.abc import Iterator
from typing import Any

import docker
import pytest
import requests
from docker.models.containers import Container

from images import reference
from tests.pages import FROM_COMPOSE, Reader, blocks
from tools.lab.place import place
from tools.lab.project import Project, whole
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads.ollama import DATA

PLACE = place("itk")
NAME, BASE = PLACE.name, f"https://localhost:{PLACE.https}"
# The page's blocks, by what a reader does with each.
START, CONFIGURE, PREVIEW, MOVE, BACK, COPY = blocks(FROM_COMPOSE)
QUESTION = {
    "model": "tiny-random:latest",
    "stream": True,
    "max_tokens": 8,
    "messages": [{"role": "user", "content": "hi"}],
}
# A service of the file, and the container of the stack that is the same.
SAME = {
    "ollama": "ollama",
    "model-mirror": "model-mirror",
    "ollama-init": "ollama-init",
    "api": "api-blue",
    "nginx": "nginx",
}
HOST = [
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "NanoCpus",
    "PidsLimit",
    "ReadonlyRootfs",
    "CapAdd",
    "CapDrop",
    "SecurityOpt",
    "LogConfig",
    "Tmpfs",
    "Sysctls",
    "GroupAdd",
    "PortBindings",
    "RestartPolicy",
    "Privileged",
]
CONFIG = ["Image", "User", "Entrypoint", "Cmd", "Healthcheck", "StopSignal", "StopTimeout"]


class Compose(Reader):
    """The deployment by Compose. `ca` trusts its certificate."""

    def __init__(self, project: Project) -> None:
        super().__init__(project, PLACE)
        self.ca = project.folder / "tls.crt"
        project.env["REQUESTS_CA_BUNDLE"] = str(self.ca)  # as the page says of a certificate of one's own
        project.run("python3", "-m", "ops", "compose", "--stack", NAME, "--write")

    @property
    def key(self) -> str:
        return (self.project.folder / ".env").read_text().strip().removeprefix("API_KEY=")

    def compose(self, words: str) -> str:
        return self.shell(self.own(f"docker compose -f docker-compose.prod.yml {words}"))

    def answer(self, key: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return requests.post(
            f"{BASE}/v1/chat/completions", json=QUESTION, headers=headers, verify=str(self.ca), timeout=60
        )

    def answers(self) -> bool:
        try:
            found = self.answer()
        except requests.ConnectionError:
            return False
        return found.status_code == 200 and found.text.rstrip().endswith("data: [DONE]")


def facts(engine: docker.DockerClient, container: str) -> dict[str, Any]:
    """What the engine knows of a container's limits and rights, in one spelling."""
    seen = engine.containers.get(container).attrs
    found = {name: seen["HostConfig"].get(name) for name in HOST} | {name: seen["Config"].get(name) for name in CONFIG}
    found["volumes"] = sorted((mount["Name"], mount["Destination"], mount["RW"]) for mount in seen["Mounts"])
    found["networks"] = {
        name: (network.get("IPAMConfig") or {}).get("IPv4Address")
        for name, network in seen["NetworkSettings"]["Networks"].items()
    }
    own = ("ORCA_RELEASE", "PATH")
    found["environment"] = sorted(entry for entry in seen["Config"]["Env"] if not entry.startswith(own))
    found["SecurityOpt"] = [option.replace("=", ":") for option in found["SecurityOpt"] or []]
    return {name: value or None for name, value in found.items()}


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Compose]:
    sweep(engine, f"{NAME}-")
    edge = PLACE.settings["edge"] | {"apiKeys": {"first-client": {"keys": []}}}
    config = whole(PLACE, ollama={"cpus": "2"}, rollout={"watch": "2s"}, edge=edge, models={"keep": True})
    project = Project(tmp_path_factory.mktemp("compose"), NAME, config)
    try:
        made = Compose(project)
        made.follow(START)
        yield made
    finally:
        project.deploy("down", check=False)
        sweep(engine, f"{NAME}-")


def test_it_answers_through_its_edge(compose: Compose) -> None:
    eventually(compose.answers, 60, "the edge streams an answer")
    assert compose.answer("0" * 64).status_code == 401


def test_its_variables_are_those_of_the_specification(compose: Compose) -> None:
    compose.project.env |= {"OLLAMA_MEMORY_LIMIT": "3G", "OLLAMA_MODELS": "a:1 b:2"}
    try:
        shown = compose.compose("config")
    finally:
        del compose.project.env["OLLAMA_MEMORY_LIMIT"], compose.project.env["OLLAMA_MODELS"]
    assert shown.count(f'"{3 * 1024**3}"') == 2  # memory and swap
    assert "MODELS_TO_PULL: a:1 b:2" in shown


def test_another_list_of_models_is_pulled(compose: Compose, engine: docker.DockerClient) -> None:
    pull = "up --detach --no-deps ollama-init"
    compose.project.env["OLLAMA_MODELS"] = "tiny-random:latest,tiny-embed:latest"
    try:
        compose.compose(pull)
        assert engine.containers.get(f"{NAME}-ollama-init").wait()["StatusCode"] == 0
    finally:
        del compose.project.env["OLLAMA_MODELS"]
    listed = server(engine).exec_run(["ollama", "list"]).output
    assert b"tiny-random:latest" in listed
    assert b"tiny-embed:latest" in listed
    compose.compose(pull)


def test_a_running_deployment_moves_to_the_stack(compose: Compose, engine: docker.DockerClient) -> None:
    """The stack has the same limits and rights everywhere, and the models stay."""
    by_compose = {service: facts(engine, f"{NAME}-{service}") for service in SAME}
    assert server(engine).exec_run(["ollama", "cp", "tiny-random:latest", "only-here:1"]).exit_code == 0

    compose.follow(CONFIGURE)
    compose.follow(PREVIEW)
    assert "whole answer after" in compose.follow(MOVE)

    for service, container in SAME.items():
        assert facts(engine, f"{NAME}-{container}") == by_compose[service], service
    assert all(found["Memory"] and found["NanoCpus"] and found["PidsLimit"] for found in by_compose.values())
    assert b"only-here:1" in server(engine).exec_run(["ollama", "list"]).output
    assert compose.answers(), "with the same certificate and the same key"


def test_it_moves_back(compose: Compose, engine: docker.DockerClient) -> None:
    compose.follow(BACK)
    eventually(compose.answers, 60, "the edge streams an answer")
    assert b"only-here:1" in server(engine).exec_run(["ollama", "list"]).output


def test_models_of_another_compose_file_are_copied(compose: Compose, engine: docker.DockerClient) -> None:
    """Last in this file: whatever the volume has."""
    fill = ["run", "--rm", "--entrypoint", "touch", "--volume", f"{NAME}-before_ollama_data:/models"]
    compose.run("docker", *fill, reference("ollama"), "/models/carried")
    compose.follow(COPY)
    assert server(engine).exec_run(["ls", f"{DATA}/carried"]).exit_code == 0


def server(engine: docker.DockerClient) -> Container:
    return engine.containers.get(f"{NAME}-ollama")
