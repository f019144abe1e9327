"""The engine is on another host: every step of a deployment, and every command of an operator, goes over ssh.

The host is a container with a server and the engine's socket; the client is this machine's ssh with a configuration of
the test's own.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.faults import sshd
from tests.faults.conftest import SOME
from tests.faults.recorder import Recorder
from tools.lab.load.client import LoadClient
from tools.lab.place import own, place
from tools.lab.stack import SmallStack
from tools.lab.sweep import sweep
from tools.lab.wait import eventually

NAME = own("orca-ssh")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[str]:
    """The address of the far engine, for which this process and its children find the right ssh on their PATH."""
    folder = tmp_path_factory.mktemp("ssh")
    sshd.build(folder, f"{NAME}:1")
    sweep(engine, NAME)
    network = engine.networks.create(NAME)
    socket_file = {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"}}
    container = engine.containers.run(f"{NAME}:1", name=NAME, network=NAME, volumes=socket_file, detach=True)
    try:
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"][NAME]["IPAddress"]
        eventually(lambda: sshd.answers(address), 20, "the far host answers")
        with sshd.client(folder, address) as found:
            yield found
    finally:
        container.remove(force=True)
        network.remove()
        engine.images.remove(f"{NAME}:1", force=True)


@pytest.fixture(scope="module")
def far(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str, host: str
) -> Iterator[SmallStack]:
    """The stack `far`, deployed over ssh."""
    stack = SmallStack(tmp_path_factory.mktemp("far"), engine, backend, place("far"), host)
    try:
        stack.create()
        yield stack
    finally:
        stack.remove()


def test_a_release_and_a_rollback_lose_nothing(far: SmallStack, load: LoadClient) -> None:
    before = far.version
    with load.run(far.url, far.ca, SOME) as running:
        new = far.release()
        assert far.planned() == {}
        back = far.rollout("rollback")
        assert back.returncode == 0, back.stderr
    result = running.end()
    assert result.versions == {before, new}
    assert not result.lost, result.summary()
    assert far.status()["live"] == far.live


def test_what_was_stopped_by_hand_is_started_over_there(far: SmallStack) -> None:
    far.release()  # the test before this one has rolled back
    live, before = far.live, far.ids()
    services = ("nginx", f"api-{live}")
    for service in services:
        far.container(service).stop(timeout=5)
    seen, done = far.pulumi("preview", "--expect-no-changes").stdout, far.up().stdout
    for service in services:
        assert f"{far.name}-{service} is exited. The update starts it." in seen
        assert f"{far.name}-{service} was exited. This update has started it." in done
    assert (far.live, far.ids()) == (live, before)
    assert far.status()["colours"][live]["health"] == "ready"


def test_a_port_that_is_taken_over_there(far: SmallStack) -> None:
    before = far.ids()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        far.want(edge=far.common["edge"] | {"httpsPort": port})
        refused = far.pulumi("preview", check=False)
    far.want_again(far.version)
    assert refused.returncode != 0
    assert f"edge.httpsPort: 127.0.0.1:{port}: another program holds it" in refused.stdout + refused.stderr
    assert far.ids() == before


def test_a_host_that_does_not_answer_is_named(far: SmallStack, host: str) -> None:
    far.operator["DOCKER_HOST"] = f"{host}:1"
    try:
        asked = far.rollout("status")
    finally:
        far.operator["DOCKER_HOST"] = host
    assert asked.returncode == 5
    assert f"The Docker engine at {host}:1 does not answer" in asked.stderr
    assert "Connection refused" in asked.stderr, "ssh's own word"
    assert "Traceback" not in asked.stderr


def test_a_deployment_that_cannot_reach_it_names_it(far: SmallStack, host: str) -> None:
    far.write(far.config() | {"dockerHost": f"{host}:1"})
    try:
        tried = far.up(check=False)
    finally:
        far.write(far.config() | {"dockerHost": host})
    assert tried.returncode != 0
    assert f"{host}:1" in tried.stdout + tried.stderr
    assert "Traceback" not in tried.stdout + tried.stderr


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    yield made
    made.close()


def watched(far: SmallStack, recorder: Recorder, *command: str) -> str:
    """What a command says, in the stack's checkout, whose user has a local engine too: the one that records."""
    before = far.env
    far.env = before | {"DOCKER_HOST": recorder.address}
    try:
        done = far.run(*recorder.instead(*command), timeout=300)
    finally:
        far.env = before
    return done.stdout + done.stderr


def begin_and_forget(far: SmallStack, name: str) -> None:
    """Have the state say that the container `name` was begun, as after a SIGKILL of `pulumi up`."""
    (file,) = far.backend.glob(f".pulumi/stacks/*/{far.name}.json")  # `pulumi stack import` drops such operations
    state = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    made = next(found for found in latest["resources"] if found["type"] == "docker:index/container:Container")
    begun = {key: made[key] for key in ("type", "custom", "provider", "parent")}
    begun |= {"urn": f"{made['urn']}-x", "inputs": {"name": name}}
    latest["pending_operations"] = [{"type": "creating", "resource": begun}]
    file.write_text(json.dumps(state))


def test_the_recorder_sees_a_command_of_the_local_engine(far: SmallStack, recorder: Recorder) -> None:
    """By both ways, or the tests below would prove nothing."""
    ways = [{"DOCKER_HOST": recorder.address}] + ([{"DOCKER_HOST": ""}] if os.geteuid() == 0 else [])
    for way in ways:
        recorder.requests.clear()
        command = recorder.instead("docker", "ps")
        asked = subprocess.run(command, env=far.env | way, capture_output=True, text=True, timeout=60, check=False)
        assert asked.returncode != 0
        assert recorder.requests


def test_no_command_asks_the_local_engine(far: SmallStack, recorder: Recorder, engine: docker.DockerClient) -> None:
    stack = f"STACK={far.name}"
    far.version = far.want()
    assert "Requests flip to it behind the gate" in watched(far, recorder, "make", "preview", stack)
    assert f"{far.name} is up at" in watched(far, recorder, "make", "up", stack)
    assert far.versions()[far.live] == far.version
    shown = watched(far, recorder, "make", "status", stack)
    assert f"DOCKER_HOST ({recorder.address}) is not asked" in shown
    assert "is live again" in watched(far, recorder, "make", "rollback", stack)
    far.version = far.want()
    assert f"{far.name} is up at" in watched(far, recorder, "make", "deploy", stack, "TAG=2")
    half_made = engine.containers.create(far.image + ":1", name=f"{far.name}-half-made")
    begin_and_forget(far, f"{far.name}-half-made")
    assert "1 operations" in watched(far, recorder, "python3", "-m", "ops", "recover", "--stack", far.name)
    assert half_made.id not in [container.id for container in engine.containers.list(all=True, ignore_removed=True)]
    watched(far, recorder, "make", "down", stack)
    assert far.ids() == {}
    assert recorder.requests == []


def test_an_engine_that_does_not_answer_is_not_replaced_by_another(
    far: SmallStack, host: str, recorder: Recorder
) -> None:
    """Last: the stack is gone by now, but for its state."""
    far.write(far.config() | {"dockerHost": f"{host}:1"})
    environment = far.env | {"DOCKER_HOST": recorder.address, "STACK": far.name}
    for words in (["ops", "up"], ["ops", "preview"], ["rollout", "status"], ["rollout", "rollback"]):
        command = recorder.instead("python3", "-m", *words)
        tried = subprocess.run(
            command, cwd=far.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        said = tried.stdout + tried.stderr
        assert f"{host}:1" in said
        assert "Traceback" not in said
        assert (tried.returncode != 0) == (words[-1] != "preview"), said
    assert recorder.requests == []
