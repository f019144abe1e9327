"""Host ports of the edge that are taken, or free: an update and a preview try them before anything is touched."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import docker

import images
from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient
from tools.lab.place import own
from tools.lab.stack import SmallStack

NAME = own("orca-stranger")


@contextmanager
def program() -> Iterator[int]:
    """A port that a program of the host holds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


@contextmanager
def container(engine: docker.DockerClient) -> Iterator[int]:
    """A port that the container `NAME` publishes."""
    port = free()
    made = engine.containers.run(
        images.reference("nginx"),
        ["300"],
        entrypoint="/bin/sleep",
        name=NAME,
        ports={"80/tcp": ("127.0.0.1", port)},
        init=True,
        detach=True,
    )
    try:
        yield port
    finally:
        made.remove(force=True)


def test_a_taken_port_is_refused_with_its_holder(
    stack: SmallStack, load: LoadClient, engine: docker.DockerClient
) -> None:
    before, state = stack.ids(), stack.claim()
    edge = stack.common["edge"]
    with load.run(stack.url, stack.ca, SOME) as running, program() as held, container(engine) as published:
        there = {found.id for found in engine.containers.list(all=True, filters={"network": f"{stack.name}-edge"})}
        stack.want(edge=edge | {"httpsPort": held, "httpPort": published})
        for refused in (stack.pulumi("preview", check=False), stack.up(check=False)):
            said = refused.stdout + refused.stderr
            assert refused.returncode != 0
            assert f"edge.httpsPort: 127.0.0.1:{held}: another program holds it" in said
            assert f"edge.httpPort: 127.0.0.1:{published}: container {NAME} publishes it" in said
            assert "Nothing was changed" in said
            assert "Traceback" not in said
        left = {found.id for found in engine.containers.list(all=True, filters={"network": f"{stack.name}-edge"})}
    result = running.end()
    assert not result.lost, result.summary()
    assert stack.ids() == before
    assert stack.claim() == state
    assert left == there, "what the ports were tried with is gone"


def test_an_address_that_the_host_does_not_have(stack: SmallStack) -> None:
    before = stack.ids()
    stack.want(edge=stack.common["edge"] | {"bind": "203.0.113.7"})
    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "203.0.113.7" in refused.stdout
    assert "Nothing was changed" in refused.stdout
    assert stack.ids() == before


def test_a_free_port_and_a_second_address(stack: SmallStack) -> None:
    """The edge's own ports are no obstacle, nor is its own address where a wider one takes its place."""
    edge = stack.common["edge"]
    for change in ({"httpPort": free(), "bind": "0.0.0.0"}, {"bind": ["127.0.0.1", "::1"]}):
        stack.write(stack.config() | {"edge": edge | change})
        stack.up()
    assert stack.planned() == {}
    ports = stack.container("nginx").attrs["NetworkSettings"]["Ports"]
    assert sum(len(bindings or ()) for bindings in ports.values()) == 4
    stack.want_again(stack.version)
    stack.up()


def test_a_stopped_edge_holds_no_port(stack: SmallStack) -> None:
    """Whoever took its port meanwhile is named. A preview tries nothing then: an update may be replacing the edge."""
    nginx = stack.container("nginx")
    nginx.stop()
    try:
        with socket.create_server(("127.0.0.1", stack.common["edge"]["httpsPort"])):
            seen = stack.pulumi("preview", check=False)
            refused = stack.up(check=False)
    finally:
        nginx.start()
    assert seen.returncode == 0, seen.stdout
    assert refused.returncode != 0
    assert "edge.httpsPort" in refused.stdout
    assert "another program holds it" in refused.stdout
