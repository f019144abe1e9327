"""The engine is restarted in the middle of a release: what was live is live again, and the same command goes on.

It is an engine of this test's own, in a network namespace of its own, so that no other container notices.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

import images
from tools.lab import place
from tools.lab.load.client import LoadClient, Mix
from tools.lab.processes import kill_family
from tools.lab.stack import SmallStack, wait_for_phase
from tools.lab.wait import eventually
from tools.toolchain.engine import Roots
from tools.toolchain.engine_traces import unmount_below

NAMESPACE = place.own("orca-faults")
INSIDE = ("nsenter", f"--net=/run/netns/{NAMESPACE}")


class Engine:
    """A `dockerd` of the test's own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.roots = Roots(folder / "sock", folder / "data", folder / "run", folder / "pid", options)
        self._log = (folder / "log").open("w")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*INSIDE, *self.roots.command()], stdout=self._log, stderr=self._log, start_new_session=True
        )
        eventually(self.answers, 60, "the engine answers")

    def answers(self) -> bool:
        asked = ["docker", "--host", self.roots.host, "version"]
        return subprocess.run(asked, capture_output=True, timeout=20, check=False).returncode == 0

    def take(self, *names: str) -> None:
        """Copy images from the default engine."""
        with subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "--host", self.roots.host, "load", "-q"], stdin=saved.stdout, check=True, timeout=120
            )

    def end(self) -> None:
        os.kill(int(self.roots.pidfile.read_text()), signal.SIGTERM)
        self._process.wait(60)


@pytest.fixture
def namespace() -> Iterator[None]:
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
    yield
    subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    "options", [(), ("--live-restore",)], ids=["containers end with it", "containers go on without it"]
)
def test_the_engine_is_restarted_in_the_middle_of_a_release(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    backend: str,
    load_build: Path,
    options: tuple[str, ...],
) -> None:
    # A path of its own: that of a socket must not be longer than a hundred letters.
    own = Engine(tmp_path_factory.mktemp("engine"), *options)
    client = docker.DockerClient(base_url=own.roots.host)
    own.take(images.reference("nginx"), f"{backend}:1")
    stack = SmallStack(tmp_path, client, backend, place.place("flt"), own.roots.host)
    load = LoadClient(load_build, INSIDE)
    try:
        stack.create()
        new = stack.want(rollout={"watch": "12s"})
        deployer = stack.up_in_background()
        wait_for_phase(stack, "watching", deployer)
        live = stack.live
        own.end()
        kill_family(deployer)
        own.start()
        eventually(lambda: stack.container("nginx").status == "running" and stack.live == live, 60, "the edge is back")
        eventually(lambda: stack.status()["colours"][live]["health"] == "ready", 60, "the live colour is back")

        with load.run(stack.url, stack.ca, Mix(keepalive="4@20ms", get="1@50ms")) as running:
            stack.want_again(new)
            stack.pulumi("cancel", "--yes")
            stack.up()
            time.sleep(1)
        result = running.end()
        assert result.versions == {new}
        assert not result.lost, result.summary()
        assert (stack.live, stack.phase()) == (live, "done")
        assert stack.rollout("rollback").returncode == 0, "the standby is back as well"
        assert stack.live != live
    finally:
        stack.remove()
        client.close()
        own.end()
        unmount_below(own.roots.runtime, own.roots.data)
