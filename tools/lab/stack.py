"""The small stack: the edge and a small backend in two colours, to release to, to measure and to break."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from engine.address import of_stack, of_user
from engine.arguments import VARIABLE, Configure, write
from images import reference
from rollout import arguments
from rollout.begin import begin
from rollout.plan import Plan
from settings import load
from settings.api import Api
from tools.lab.place import Place
from tools.lab.processes import Process, end, kill_pulumi
from tools.lab.project import ROOT, Project, overlaid
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads import api
from workloads.network import networks

PROGRAM = Path(__file__).parent / "program.py"
CONFIG: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "OLLAMA_MODELS": ["none:1"],
    "IMAGE_TAG": "1",
    "edge": {"rateLimit": "off"},  # the load comes from one address
    "api": {"egress": False, "memory": "64M", "smoke": {"path": "/v1/chat", "body": "{}"}},
    "rollout": {"watch": "1s", "gatePasses": 2, "gateTimeout": "30s", "drainTimeout": "60s"},
}


class SmallStack(Project):
    """A stack of the edge and the images `image` of the small backend in two colours.

    `version` is what the backend of the last successful release says of itself. `host` is the engine's address, empty
    for the default one. `more` is what all releases have in common, laid over the configuration group by group.
    """

    def __init__(
        self, base: Path, engine: docker.DockerClient, image: str, place: Place, host: str = "", **more: Any
    ) -> None:
        self.image, self.host = image, host
        self.common = overlaid(overlaid(CONFIG, place.settings), more | ({"dockerHost": host} if host else {}))
        self.operator = os.environ | {"STACK": place.name, "DOCKER_HOST": host or of_user()}
        super().__init__(base, place.name, self._config("0", {}))
        self.engine = engine
        self.number = 0
        self.version = "0"
        self.orphans: set[Process] = set()
        shutil.copy(PROGRAM, self.folder / "__main__.py")
        self.ca = base / "ca.pem"
        self.url = ""

    def create(self) -> None:
        """The first release."""
        sweep(self.engine, f"{self.name}-")
        self.pulumi("stack", "init")
        self.release()
        outputs = self.outputs()
        self.ca.write_text(outputs["ca"])
        self.url = outputs["url"]

    def remove(self) -> None:
        """Take everything away, however a test has left it."""
        self.end_orphans()
        for container in self._containers(""):
            container.remove(force=True)
        self.pulumi("cancel", "--yes", check=False)
        self.pulumi("destroy", "--yes", "--skip-preview", check=False)
        # A test may have left it with an engine that nobody reaches.
        sweep(self.engine, f"{self.name}-")

    def _config(self, version: str, change: dict[str, Any]) -> dict[str, Any]:
        api = {"image": self.image, "env": {"VERSION": version, **change.pop("env", {})}}
        return overlaid(overlaid(self.common, {"api": api}), change)

    def want(self, **change: Any) -> str:
        """Configure a new version; return it. `change` is laid over the configuration, group by group; `env` over the
        backend's environment."""
        self.number += 1
        self.write(self._config(str(self.number), change))
        return str(self.number)

    def want_again(self, version: str, **change: Any) -> None:
        """Configure a version that there was before, with `change` as in `want`."""
        self.write(self._config(version, change))

    def release(self, **change: Any) -> str:
        """Release a new, good version; return it."""
        self.version = self.want(**change)
        self.up()
        return self.version

    def up_in_background(self) -> "subprocess.Popen[str]":
        """`pulumi up` in a process group of its own, to be killed."""
        return subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", self.name, "--non-interactive"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, deployer: "subprocess.Popen[str]") -> set[Process]:
        """SIGKILL for `pulumi` alone, and its lock dropped. Gives what runs on without it; `end_orphans` ends that."""
        left = kill_pulumi(deployer)
        self.orphans |= left
        self.pulumi("cancel", "--yes")
        return left

    def end_orphans(self) -> None:
        end(self.orphans)
        self.orphans.clear()

    def rollout(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m rollout`, as an operator would: with no knowledge of Pulumi."""
        command = [sys.executable, "-m", "rollout", *words]
        return self._as_operator(command)

    def run_configure(self, config: str) -> subprocess.CompletedProcess[str]:
        """Run the step `configure`, as Pulumi would, for a configuration that is in the edge's volume."""
        argument = write(Configure(container=f"{self.name}-nginx", config=config))
        return self._as_operator([sys.executable, "-m", "engine", "configure"], **{VARIABLE: argument})

    def plan(self) -> Plan:
        """What a preview of another release would plan to do."""
        look = arguments.Look(
            place=arguments.Place(edge=f"{self.name}-nginx", service=f"{self.name}-api"),
            wanted=arguments.Wanted(release="0" * 12, former="0" * 12, way=api.way(Api())),
            network=str(networks(load(self.name, self.common))["app-network"].subnet),
            narrowed={},
            last_live="green" if self.live == "green" else "blue",
            last_release="1" * 12,
            volume=f"{self.name}-edge-state",
            image=reference("nginx"),
            manual=False,
            preview=True,
        )
        return begin(look, of_stack(self.host))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rollout("status", "--json").stdout)
        return found

    def claim(self) -> str:
        """The claim that stands in the state."""
        return self.in_state("cat claim").stdout.strip()

    @property
    def live(self) -> str:
        """The live colour, by the marker on the host."""
        return "green" if self.in_state("test -f green").returncode == 0 else "blue"

    @property
    def idle(self) -> str:
        return "blue" if self.live == "green" else "green"

    def phase(self) -> str:
        """How far the deployment has come, by the journal on the host; empty if there is none to read."""
        try:
            chunks, _ = self.container("nginx").get_archive("/var/lib/edge/journal.json")
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                file = archive.extractfile("journal.json")
                return str(json.loads(file.read())["phase"]) if file else ""
        except (APIError, json.JSONDecodeError, KeyError):
            return ""

    def in_state(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line in the edge's state volume, as root."""
        enter = ["docker", "exec", "-u", "0", "-w", "/var/lib/edge", f"{self.name}-nginx"]
        return self._as_operator([*enter, "sh", "-c", script])

    def exec_in_edge(self, *command: str) -> None:
        """Run a command in the edge's container, whatever comes of it."""
        self._as_operator(["docker", "exec", f"{self.name}-nginx", *command])

    def _as_operator(self, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.operator | env, capture_output=True, text=True, timeout=120, check=False
        )

    def _containers(self, services: str) -> list[Container]:
        """The containers whose name, behind that of the stack, fits this pattern; running or not."""
        # One may be removed between the list and the look at it: the tests ask while Pulumi is at work.
        containers = self.engine.containers
        return containers.list(all=True, filters={"name": f"^/{self.name}-{services}"}, ignore_removed=True)

    def container(self, service: str) -> Container:
        return self.engine.containers.get(f"{self.name}-{service}")

    def ids(self) -> dict[str, str]:
        """Name to id of every container of the stack that serves requests, running or not."""
        found = self._containers("(api-|nginx$)")
        return {container.name or "": container.id or "" for container in found}

    def kill_process(self, service: str) -> None:
        """SIGKILL for a container's first process from the host: what a crash looks like to the engine."""
        pid = self.container(service).attrs["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)

    def versions(self) -> dict[str, str]:
        """What the backend of each colour says of itself."""
        found = {}
        for container in self._containers("api-(blue|green)$"):
            env = dict(value.split("=", 1) for value in container.attrs["Config"]["Env"])
            found[env["ORCA_COLOUR"]] = env["VERSION"]
        return found

    def settle(self, *, pair: bool) -> None:
        """Make the configuration that of the live colour again, whatever a test has left; with `pair`, see to it that
        both colours are ready."""
        if self.container("nginx").status != "running":
            self.container("nginx").start()
            eventually(lambda: self.rollout("status").returncode == 0, 20, "the edge is back")
        status = self.status()
        needed = ("blue", "green") if pair else (status["live"],)
        sound = all((status["colours"][colour] or {}).get("health") == "ready" for colour in needed)
        # A release that never went live is no standby.
        paired = status["phase"] == "done" and "unreleased" not in self.rollout("status").stdout if pair else True
        # Replicas that a test has added would be removed by the next release, which the next test does not expect.
        single = not any(re.search(r"-api-[a-z]+-\d+$", name) for name in self.ids())
        if not sound or not paired or not single:
            self.release()
            self.release()
        self.version = self.versions()[self.live]
        self.want_again(self.version)


def wait_for_phase(stack: SmallStack, phase: str, deployer: "subprocess.Popen[str]") -> None:
    """Wait until a deployment has come that far."""

    def reached() -> bool:
        assert deployer.poll() is None, deployer.communicate()[0]
        return stack.phase() == phase

    eventually(reached, 60, f"phase {phase}")


def wait_for_words(deployer: "subprocess.Popen[str]", words: str) -> None:
    """Wait until a deployment has said something; pulumi shows what a step says as it comes."""
    assert deployer.stdout
    said = []
    for line in deployer.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}:\n{''.join(said)}")
