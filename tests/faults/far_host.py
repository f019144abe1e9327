"""Another host: a network, mounts and processes apart from this machine's, with an engine and an sshd of its own.

Its engine has the usual places, `/var/run/docker.sock` and `/var/lib/docker`: what cAdvisor and the collector see there
is of this host alone. It has one neighbour, this machine, and no way out.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.faults import sshd
from tools.lab.place import own, slot
from tools.lab.wait import eventually

NAME = own("orca-host")
# A range for documentation (RFC 5737), in which nobody has a network; four addresses for each test process.
HERE, THERE = (f"198.51.100.{4 * slot() + number}" for number in (1, 2))
NETWORK = f"""
ip netns add {NAME}
ip link add {NAME} type veth peer name eth0 netns {NAME}
ip address add {HERE}/30 dev {NAME}
ip link set {NAME} up
ip -n {NAME} address add {THERE}/30 dev eth0
ip -n {NAME} link set eth0 up
ip -n {NAME} link set lo up
"""
APART = ["nsenter", f"--net=/run/netns/{NAME}", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
ENGINE = 'mount --bind "$0/run" /run && mount --bind "$0/docker" /var/lib/docker && exec dockerd'


class FarHost:
    """`engine` is a client of its engine, past sshd: for the eyes of a test alone. `address` is `ssh://…`."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address, self._folder = address, folder
        for place in ("run", "docker"):
            (folder / place).mkdir()
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [*APART, "sh", "-c", ENGINE, str(folder)], stdout=self._log, stderr=self._log, start_new_session=True
        )
        self.socket = f"unix://{folder}/run/docker.sock"
        eventually(self._answers, 60, f"the engine answers, or {folder}/log says why not")
        self.engine = docker.DockerClient(base_url=self.socket)

    def _answers(self) -> bool:
        asked = ["docker", "--host", self.socket, "version"]
        return subprocess.run(asked, capture_output=True, timeout=20, check=False).returncode == 0

    def open(self, image: str) -> None:
        """Start its sshd, whose image this machine's engine has."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            load = ["docker", "--host", self.socket, "load", "--quiet"]
            subprocess.run(load, stdin=saved.stdout, check=True, timeout=120)
        engine = {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"}}
        self.engine.containers.run(image, name="sshd", network_mode="host", volumes=engine, detach=True)
        eventually(lambda: sshd.answers(THERE), 20, "its sshd answers")

    @contextmanager
    def forwarding(self, *, here: list[int], there: list[int]) -> Iterator[None]:
        """Until the block ends, ports of its loopback are `here` too, and ports of ours `there` too; by ssh."""
        ways = [("-L", port) for port in here] + [("-R", port) for port in there]
        options = [word for flag, port in ways for word in (flag, f"127.0.0.1:{port}:127.0.0.1:{port}")]
        command = ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", *options, f"root@{THERE}"]
        with subprocess.Popen(command) as process:
            try:
                eventually(lambda: all(map(self._open, there)), 30, "ssh forwards the ports")
                yield
                assert process.poll() is None, "ssh has ended too early"
            finally:
                process.terminate()

    def _open(self, port: int) -> bool:
        """Whether something listens on a port of its loopback."""
        asked = ["nsenter", f"--net=/run/netns/{NAME}", "bash", "-c", f": </dev/tcp/127.0.0.1/{port}"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def end(self) -> None:
        self.engine.close()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        self._process.wait(60)
        self._log.close()
        shutil.rmtree(self._folder / "docker")


@contextmanager
def another_host(folder: Path) -> Iterator[FarHost]:
    """A host that is up and reached by ssh; gone with all that is on it when the block ends."""
    subprocess.run(["ip", "link", "delete", NAME], capture_output=True, check=False)  # what a killed run has left
    subprocess.run(["ip", "netns", "delete", NAME], capture_output=True, check=False)
    image = f"{NAME}:1"
    sshd.build(folder, image)
    subprocess.run(["sh", "-ec", NETWORK], check=True)
    try:
        with sshd.client(folder, THERE) as address:
            host = FarHost(folder, address)
            try:
                host.open(image)
                yield host
            finally:
                host.end()
    finally:
        subprocess.run(["ip", "netns", "delete", NAME], check=True)  # its end of the wire goes with it
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)
