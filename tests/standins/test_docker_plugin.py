"""The Docker plugin against a real engine."""

import threading
import time
from typing import Any

import docker
import grpc
import pytest

from tests.standins.driver import Plugin, init_failure, unique
from tools.standins.protocol.values import UNKNOWN

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
SLEEP = ["sleep", "infinity"]
SICK = {"tests": ["CMD-SHELL", "false"], "interval": "1s", "timeout": "1s", "retries": 1}
# "Promptly" on a busy machine, in seconds.
PROMPT = 8.0


def test_life_of_a_container(docker_plugin: Plugin, engine: docker.DockerClient, base_image: str) -> None:
    name = unique("life")
    given = {"name": name, "image": base_image, "command": SLEEP, "envs": ["A=1"], "memory": 64, "memorySwap": 64}
    inputs = docker_plugin.checked(CONTAINER, **given, uploads=[{"file": "/etc/x/y", "content": "z"}])
    identity, state = docker_plugin.create(CONTAINER, inputs)
    made = engine.containers.get(name)
    assert made.id == identity
    assert made.status == "running"
    assert "A=1" in made.attrs["Config"]["Env"]
    assert made.exec_run(["cat", "/etc/x/y"]).output == b"z"
    assert docker_plugin.diff(CONTAINER, state, inputs) == {}

    more = {**inputs, "memory": 128, "memorySwap": 128}
    assert docker_plugin.diff(CONTAINER, state, more) == {"memory": "UPDATE", "memorySwap": "UPDATE"}
    state = docker_plugin.update(CONTAINER, identity, state, more)
    made.reload()
    assert made.attrs["HostConfig"]["Memory"] == 128 * 1024 * 1024
    assert made.id == identity

    made.stop(timeout=0)
    found, state, refreshed = docker_plugin.read(CONTAINER, identity, state, more)
    assert found == identity
    assert refreshed["mustRun"] is False
    assert docker_plugin.diff(CONTAINER, state, more) == {"mustRun": "UPDATE"}
    state = docker_plugin.update(CONTAINER, identity, state, more)
    made.reload()
    assert made.status == "running"

    docker_plugin.delete(CONTAINER, identity, state)
    assert engine.containers.list(all=True, filters={"name": name}) == []
    assert docker_plugin.read(CONTAINER, identity, state, more) == ("", {}, {})
    docker_plugin.delete(CONTAINER, identity, state)


@pytest.mark.parametrize("more", [{}, {"containerPath": "/dev/null"}, {"containerPath": "/dev/x", "permissions": "r"}])
def test_a_device_is_read_as_the_program_gives_it(
    docker_plugin: Plugin, engine: docker.DockerClient, base_image: str, more: dict[str, str]
) -> None:
    device = {"hostPath": "/dev/null", **more}
    inputs = docker_plugin.checked(
        CONTAINER, name=unique("device"), image=base_image, command=SLEEP, devices=[device], mustRun=False, start=False
    )
    identity, state = docker_plugin.create(CONTAINER, inputs)
    try:
        (made,) = engine.containers.get(identity).attrs["HostConfig"]["Devices"]
        path, permissions = more.get("containerPath", "/dev/null"), more.get("permissions", "rwm")
        assert (made["PathInContainer"], made["CgroupPermissions"]) == (path, permissions)
        _, state, refreshed = docker_plugin.read(CONTAINER, identity, state, inputs)
        assert refreshed["devices"] == [{"permissions": "rwm", **device}]
        assert docker_plugin.diff(CONTAINER, state, inputs) == {}
        other = docker_plugin.checked(CONTAINER, **{**inputs, "devices": [{**device, "containerPath": "/dev/y"}]})
        assert docker_plugin.diff(CONTAINER, state, other) != {}
    finally:
        docker_plugin.delete(CONTAINER, identity, state)


def test_a_container_in_a_network_with_a_volume(
    docker_plugin: Plugin, engine: docker.DockerClient, base_image: str
) -> None:
    network, volume, name = unique("n"), unique("v"), unique("c")
    pool = {"subnet": "10.212.77.0/28", "gateway": "10.212.77.1"}
    wanted = docker_plugin.checked(NETWORK, name=network, internal=True, ipamConfigs=[pool])
    network_id, network_state = docker_plugin.create(NETWORK, wanted)
    assert engine.networks.get(network_id).attrs["Internal"] is True
    volume_id, volume_state = docker_plugin.create(VOLUME, docker_plugin.checked(VOLUME, name=volume))
    assert volume_id == volume == engine.volumes.get(volume).name

    inputs = docker_plugin.checked(
        CONTAINER,
        name=name,
        image=base_image,
        command=SLEEP,
        networksAdvanced=[{"name": network, "aliases": ["peer"], "ipv4Address": "10.212.77.5"}],
        volumes=[{"volumeName": volume, "containerPath": "/d"}],
    )
    identity, state = docker_plugin.create(CONTAINER, inputs)
    assert [data["ipAddress"] for data in state["networkDatas"]] == ["10.212.77.5"]
    attached = engine.containers.get(name).attrs["NetworkSettings"]["Networks"]
    assert list(attached) == [network]
    assert "peer" in attached[network]["Aliases"]
    # What is read anew must not look like a change, in any of them.
    for kind, known, old, given in (
        (CONTAINER, identity, state, inputs),
        (NETWORK, network_id, network_state, wanted),
        (VOLUME, volume_id, volume_state, docker_plugin.checked(VOLUME, name=volume)),
    ):
        _, outputs, refreshed = docker_plugin.read(kind, known, old, given)
        assert docker_plugin.diff(kind, outputs, given) == {}
        assert refreshed["name"] == given["name"]

    docker_plugin.delete(CONTAINER, identity, state)
    docker_plugin.delete(NETWORK, network_id, network_state)
    docker_plugin.delete(VOLUME, volume_id, volume_state)
    assert docker_plugin.read(NETWORK, network_id, network_state, wanted)[0] == ""
    assert docker_plugin.read(VOLUME, volume_id, volume_state, {})[0] == ""


def test_an_image_is_removed_unless_kept(docker_plugin: Plugin, engine: docker.DockerClient, base_image: str) -> None:
    name = unique("image") + ":1"
    image = engine.images.get(base_image)
    image.tag(name)
    identity, state = docker_plugin.create(IMAGE, docker_plugin.checked(IMAGE, name=name))
    assert identity == f"{image.id}{name}"
    docker_plugin.delete(IMAGE, identity, {**state, "keepLocally": True})
    assert engine.images.get(name).id == image.id
    docker_plugin.delete(IMAGE, identity, state)
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(name)


def test_a_container_that_does_not_get_healthy_is_kept_in_the_state(
    docker_plugin: Plugin, engine: docker.DockerClient, base_image: str
) -> None:
    name = unique("sick")
    inputs = docker_plugin.checked(
        CONTAINER, name=name, image=base_image, command=SLEEP, healthcheck=SICK, wait=True, waitTimeout=2
    )
    with pytest.raises(grpc.RpcError) as caught:
        docker_plugin.create(CONTAINER, inputs)
    failure = init_failure(caught.value)
    assert failure is not None
    assert failure.reasons == ["container failed to be in healthy state"]
    assert failure.identity == failure.state["id"] == engine.containers.get(name).id
    assert docker_plugin.diff(CONTAINER, failure.state, inputs)["entrypoints"] == "ADD_REPLACE"


def test_a_container_that_cannot_be_made_is_not_in_the_state(docker_plugin: Plugin) -> None:
    inputs = docker_plugin.checked(CONTAINER, name=unique("none"), image="127.0.0.1:9/none:1")
    with pytest.raises(grpc.RpcError, match=r"unable to pull image 127\.0\.0\.1:9/none:1") as caught:
        docker_plugin.create(CONTAINER, inputs)
    assert init_failure(caught.value) is None


def test_a_preview_makes_nothing_and_passes_on_what_is_unknown(
    docker_plugin: Plugin, engine: docker.DockerClient, base_image: str
) -> None:
    name = unique("preview")
    inputs = docker_plugin.checked(
        CONTAINER, name=name, image=base_image, networksAdvanced=[{"name": UNKNOWN}], envs=["A=1", UNKNOWN]
    )
    identity, planned = docker_plugin.create(CONTAINER, inputs, preview=True)
    assert identity == ""
    assert planned["networksAdvanced"][0]["name"] == UNKNOWN
    assert UNKNOWN in planned["envs"]
    assert planned["hostname"] == UNKNOWN
    assert engine.containers.list(all=True, filters={"name": name}) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        (CONTAINER, {"image": "i", "cgroupParent": "/x"}, "input 'cgroupParent' of docker:index/container:Container"),
        ("docker:index/image:Image", {"build": "."}, "docker:index/image:Image is not supported by this stand-in"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    docker_plugin: Plugin, kind: str, inputs: dict[str, Any], text: str
) -> None:
    _, failures = docker_plugin.check(kind, inputs)
    assert text in failures[0]


def test_cancelling_ends_waits_but_keeps_track_of_the_containers(
    docker_plugin: Plugin, engine: docker.DockerClient, base_image: str
) -> None:
    names = [unique("cancelled") for _ in range(3)]
    failures = []

    def create(name: str) -> None:
        inputs = docker_plugin.checked(
            CONTAINER, name=name, image=base_image, command=SLEEP, healthcheck=SICK, wait=True, waitTimeout=600
        )
        try:
            docker_plugin.create(CONTAINER, inputs)
        except grpc.RpcError as error:
            failures.append(init_failure(error))

    threads = [threading.Thread(target=create, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 30
    while time.monotonic() < end and len(engine.containers.list(filters={"name": "cancelled"})) < len(names):
        time.sleep(0.1)
    docker_plugin.cancel()
    started = time.monotonic()
    for thread in threads:
        thread.join(30)
    assert time.monotonic() - started < PROMPT
    assert {failure.state["name"] for failure in failures if failure} == set(names)
    assert docker_plugin.process.wait(PROMPT) == 0


def test_a_custom_timeout_ends_the_wait(docker_plugin: Plugin, base_image: str) -> None:
    inputs = docker_plugin.checked(
        CONTAINER, name=unique("late"), image=base_image, command=SLEEP, healthcheck=SICK, wait=True, waitTimeout=600
    )
    with pytest.raises(grpc.RpcError, match="timed out after 1 s"):
        docker_plugin.create(CONTAINER, inputs, limit=1.0)


@pytest.mark.parametrize("check", [{}, {"disableDockerDaemonCheck": True}, {"disableDockerDaemonCheck": "true"}])
@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer_is_found_out_at_once(host: str, check: dict[str, Any]) -> None:
    plugin = Plugin.start("tools.standins.docker_plugin")
    with pytest.raises(grpc.RpcError, match="failed to connect to any docker daemon"):
        plugin.configure(host=host, **check)
    assert plugin.stop() == 0


def test_an_engine_over_ssh_is_not_asked_before_there_is_something_to_do() -> None:
    plugin = Plugin.start("tools.standins.docker_plugin")
    plugin.configure(host="ssh://nobody@127.0.0.1:1")
    assert plugin.stop() == 0
