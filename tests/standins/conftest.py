"""Plugins as processes, an engine, and a clean-up of everything the tests make there."""

from collections.abc import Iterator
from typing import Any

import docker
import pytest

import images
from tests.standins.driver import PREFIX, Plugin


@pytest.fixture(scope="session")
def base_image() -> str:
    """A local image with sh and sleep: one that every run of these tests has built."""
    return images.reference("nginx")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    _clean(client)
    client.close()


def _clean(client: docker.DockerClient) -> None:
    ours: dict[str, Any] = {"filters": {"name": PREFIX}}
    for container in client.containers.list(all=True, **ours):
        container.remove(force=True, v=True)
    for network in client.networks.list(**ours):
        network.remove()
    for volume in client.volumes.list(**ours):
        volume.remove(force=True)


@pytest.fixture
def docker_plugin(engine: docker.DockerClient) -> Iterator[Plugin]:
    """The Docker plugin, connected to the engine of the environment."""
    plugin = Plugin.start("tools.standins.docker_plugin")
    plugin.configure()
    yield plugin
    plugin.stop()
    _clean(engine)


@pytest.fixture
def command_plugin() -> Iterator[Plugin]:
    """The command plugin."""
    plugin = Plugin.start("tools.standins.command_plugin")
    plugin.configure()
    yield plugin
    plugin.stop()
