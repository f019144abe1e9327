"""Plugins as processes, and a clean-up of everything the tests make on the engine."""

from collections.abc import Iterator

import docker
import pytest

import images
from tests.standins.driver import PREFIX, Plugin
from tools.lab.sweep import sweep


@pytest.fixture(scope="session")
def base_image() -> str:
    """A local image with sh and sleep: one that every run of these tests has built."""
    return images.reference("nginx")


@pytest.fixture
def docker_plugin(engine: docker.DockerClient) -> Iterator[Plugin]:
    """The Docker plugin, connected to the engine of the environment."""
    plugin = Plugin.start("tools.standins.docker_plugin")
    plugin.configure()
    yield plugin
    plugin.stop()
    sweep(engine, PREFIX)


@pytest.fixture
def command_plugin() -> Iterator[Plugin]:
    """The command plugin."""
    plugin = Plugin.start("tools.standins.command_plugin")
    plugin.configure()
    yield plugin
    plugin.stop()
