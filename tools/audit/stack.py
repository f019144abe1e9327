"""The stack that is audited: all of it, with the reference API in one colour and the echo backend live in the other."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import BuildError
from docker.models.containers import Container

from tools.audit import tools
from tools.lab import go
from tools.lab.place import place
from tools.lab.project import Project, overlaid, whole
from tools.lab.sweep import sweep, sweep_images
from tools.toolchain.problems import Problem

PLACE = place("security-audit")
NAME, HTTP, HTTPS = PLACE.name, PLACE.http, PLACE.https
CA, TOOL = "/mnt/ca.pem", "/mnt/tool"
"""Where a scanner finds what it is given."""
FOLDER = Path(__file__).parent
BACKEND = "orca-agents/security-echo"
CONFIG = whole(
    PLACE,
    ollama={"cpus": "1"},
    edge={"rateLimit": "off"},
    rollout={"watch": "1s", "gatePasses": 1},
    monitoring={},
    logging={},
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The running stack: where it listens, what to trust, and how to look at it."""

    project: Project
    engine: docker.DockerClient
    ca: Path
    work: Path
    """A folder for what tools write."""

    url: str = f"https://localhost:{HTTPS}"

    def container(self, service: str) -> Container:
        return self.engine.containers.get(f"{NAME}-{service}")

    def containers(self) -> list[Container]:
        """Every container of the stack, also those that have ended or never start."""
        found: list[Container] = self.engine.containers.list(all=True, filters={"name": f"^/{NAME}-"})
        return sorted(found, key=lambda container: str(container.name))

    def edge_address(self, network: str = "edge") -> str:
        networks = self.container("nginx").attrs["NetworkSettings"]["Networks"]
        return str(networks[f"{NAME}-{network}"]["IPAddress"])

    @contextmanager
    def with_edge(self, **settings: Any) -> Iterator[None]:
        """The stack with these settings of its edge changed; as it was before in the end.

        Raises AssertionError with what was said where they are refused.
        """
        before = self.project.config()
        try:
            self._configure({**before, "edge": {**before["edge"], **settings}})
            yield
        finally:
            self._configure(before)

    def _configure(self, config: dict[str, Any]) -> None:
        self.project.write(config)
        self.project.up()

    def scan(self, *command: str, timeout: float, network: str = f"{NAME}-edge", tool: Path | None = None) -> str:
        """Standard output of a scanner that runs outside of the stack, in a container on one network.

        It finds the stack's CA at `CA`, and the folder `tool` at `TOOL`.
        """
        name = f"{NAME}-scan"
        mounts = ["--volume", f"{self.ca}:{CA}:ro", *(["--volume", f"{tool}:{TOOL}:ro"] if tool else [])]
        env = {"EDGE": self.edge_address(), "HTTPS_PORT": str(HTTPS), "NODE_EXTRA_CA_CERTS": CA}
        given = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
        run = ["docker", "run", "--rm", "--name", name, "--network", network, "--tmpfs", "/tmp", *mounts, *given]
        try:
            return tools.output([*run, tools.scanners(), *command], timeout=timeout)
        finally:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)

    def logs_since(self, moment: float, service: str = "nginx") -> list[str]:
        """What a container has said since then (Unix time)."""
        text: bytes = self.container(service).logs(since=moment)
        return text.decode(errors="replace").splitlines()


@contextmanager
def deployed() -> Iterator[Target]:
    """The stack, up; everything of it is taken away in the end. Raises Problem where it cannot be deployed."""
    engine = docker.from_env()
    with tempfile.TemporaryDirectory(prefix="orca-security-") as folder:
        base = Path(folder)
        try:
            _clear(engine)  # what a killed run has left
            try:
                target = _deploy(engine, base)
            except (AssertionError, BuildError, subprocess.SubprocessError) as error:
                raise Problem(f"The stack to be audited cannot be deployed; nothing of it stays.\n{error}") from None
            yield target
        finally:
            _clear(engine)
            engine.close()


def _deploy(engine: docker.DockerClient, base: Path) -> Target:
    project = Project(base, NAME, CONFIG)
    (project.folder / "__main__.py").rename(project.folder / "stack.py")
    shutil.copy(FOLDER / "program.py", project.folder / "__main__.py")
    _build_backend(engine, base / "backend")
    project.pulumi("stack", "init")
    project.up()
    project.write(overlaid(CONFIG, {"IMAGE_TAG": "1", "api": {"image": BACKEND, "egress": False}}))
    project.up()
    ca, work = base / "ca.pem", base / "work"
    ca.write_text(project.outputs()["ca"])
    work.mkdir()
    return Target(project=project, engine=engine, ca=ca, work=work)


def _build_backend(engine: docker.DockerClient, context: Path) -> None:
    shutil.copytree(FOLDER / "backend", context)
    go.build(context, context / "echo")
    engine.images.build(path=str(context), tag=f"{BACKEND}:1", rm=True)


def _clear(engine: docker.DockerClient) -> None:
    """Remove all of the stack: quicker than `pulumi destroy`, and works however far a run has come. Raises Problem."""
    try:
        sweep(engine, f"{NAME}-")
    except AssertionError as error:
        raise Problem(f"Some of the audit's stack is still there: {error}") from None
    sweep_images(engine, f"{BACKEND}:")
