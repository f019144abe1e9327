"""The rendered compose file, run by Docker Compose; and the move to the stack, as docs/from-compose.md has it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from certificates.self_signed import authority, leaf
from tools.lab.place import place
from tools.lab.project import Project, whole
from tools.lab.sweep import sweep
from tools.lab.wait import eventually

PLACE = place("itk")
NAME, BASE = PLACE.name, f"https://localhost:{PLACE.https}"
KEY = "4f1c9a7e6b2d8053" * 4
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


class Compose:
    """The deployment by Compose. `ca` trusts its certificate."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.ca = project, folder / "ca.pem"
        made = authority(NAME)
        pair = leaf(made, "localhost")
        self.ca.write_text(made.certificate)
        (project.folder / "tls.crt").write_text(pair.certificate)
        (project.folder / "tls.key").write_text(pair.key)
        (project.folder / "tls.key").chmod(0o600)
        project.run("python3", "-m", "ops", "compose", "--stack", NAME, "--write")
        project.env |= {"API_KEY": KEY}

    def run(self, *words: str) -> str:
        command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        return self.project.run(*command, "-f", f"docker-compose.{NAME}.yml", *words).stdout


def answer(ca: Path, key: str = KEY) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(f"{BASE}/v1/chat/completions", json=QUESTION, headers=headers, verify=str(ca), timeout=60)


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
    folder = tmp_path_factory.mktemp("compose")
    edge = PLACE.settings["edge"] | {"apiKeys": {"app": {"keys": []}}}
    config = whole(PLACE, ollama={"cpus": "2"}, rollout={"watch": "2s"}, edge=edge)
    project = Project(folder, NAME, config)
    try:
        made = Compose(project, folder)
        made.run("up", "--detach")
        yield made
    finally:
        project.deploy("down", check=False)
        sweep(engine, f"{NAME}-")


def test_it_answers_through_its_edge(compose: Compose) -> None:
    def answers() -> bool:
        try:
            found = answer(compose.ca)
        except requests.ConnectionError:
            return False
        return found.status_code == 200 and found.text.rstrip().endswith("data: [DONE]")

    eventually(answers, 60, "the edge streams an answer")
    assert answer(compose.ca, key="0" * 64).status_code == 401


def test_its_variables_are_those_of_the_specification(compose: Compose) -> None:
    compose.project.env |= {"OLLAMA_MEMORY_LIMIT": "3G", "OLLAMA_MODELS": "a:1 b:2"}
    try:
        shown = compose.run("config")
    finally:
        del compose.project.env["OLLAMA_MEMORY_LIMIT"], compose.project.env["OLLAMA_MODELS"]
    assert shown.count(f'"{3 * 1024**3}"') == 2  # memory and swap
    assert "MODELS_TO_PULL: a:1 b:2" in shown


def test_a_running_deployment_moves_to_the_stack(compose: Compose, engine: docker.DockerClient) -> None:
    """Last in this file. The stack has the same limits and rights everywhere, and the models stay."""
    project = compose.project
    by_compose = {service: facts(engine, f"{NAME}-{service}") for service in SAME}
    server = engine.containers.get(f"{NAME}-ollama")
    assert server.exec_run(["ollama", "cp", "tiny-random:latest", "only-here:1"]).exit_code == 0

    compose.run("down")
    project.pulumi("stack", "init")
    project.pulumi("config", "set", "--secret", "--path", "edge.apiKeys.app.keys[0]", KEY)
    assert "whole answer after" in project.deploy("up").stdout

    for service, container in SAME.items():
        assert facts(engine, f"{NAME}-{container}") == by_compose[service], service
    assert all(found["Memory"] and found["NanoCpus"] and found["PidsLimit"] for found in by_compose.values())
    assert b"only-here:1" in engine.containers.get(f"{NAME}-ollama").exec_run(["ollama", "list"]).output
    ca = compose.ca.with_name("stack.pem")
    ca.write_text(project.outputs()["ca"])
    assert answer(ca).text.rstrip().endswith("data: [DONE]")
