"""A Docker engine: used if one answers, else started here, and ended again only if it was started here.

Where systemd runs, the engine is a service of the machine: started if it is not, and left to the machine then.
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import apt, docker_cli, engine_traces, paths, problems, processes
from tools.toolchain.progress import Step

# How long a fresh engine may take to answer, and one that ends to end, in seconds.
_START_SECONDS = 90.0
_STOP_SECONDS = 45.0
_STEP = "docker engine"
_BRIDGE_IS_OURS = "There was no bridge docker0 before.\n"
_PACKAGES = ["docker.io", "iptables", "iproute2", "ca-certificates"]


@dataclass(frozen=True)
class Roots:
    """The places an engine keeps to itself. Defaults are dockerd's own, not passed: a daemon.json counts."""

    socket: Path = docker_cli.DEFAULT_SOCKET
    data: Path = Path("/var/lib/docker")
    runtime: Path = Path("/var/run/docker")
    pidfile: Path = Path("/var/run/docker.pid")
    options: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The command line that starts the engine."""
        default = Roots()
        flags = {
            f"--host={self.host}": self.socket != default.socket,
            f"--data-root={self.data}": self.data != default.data,
            f"--exec-root={self.runtime}": self.runtime != default.runtime,
            f"--pidfile={self.pidfile}": self.pidfile != default.pidfile,
        }
        return ["dockerd", *(flag for flag, needed in flags.items() if needed), *self.options]


def home() -> Path:
    """Where the log of an engine started here is, and the note that it was."""
    return paths.state() / "engine"


def is_ours(home: Path) -> bool:
    """Whether an engine runs that `start` began for this home."""
    return any(engine_traces.command(pid) == "dockerd" for pid in engine_traces.marked(str(home)))


def ensure(step: Step) -> None:
    """Have an engine that answers. Raises Problem where that cannot be."""
    found = docker_cli.ask()
    if isinstance(found, docker_cli.Engine):
        return
    if "permission denied" in found.reason.lower():
        raise problems.Problem(
            f"{_STEP}: one runs here, but this user may not use it ({found.reason}).\n"
            "Nothing has changed. Let this user in (on most systems: `sudo usermod -aG docker $USER` and a new login)."
        )
    if named := docker_cli.named(os.environ):
        raise problems.Problem(
            f"{_STEP}: {named}, and no engine answers there ({found.reason}).\n"
            "Nothing has changed. Start that engine, or name none (unset DOCKER_HOST and DOCKER_CONTEXT, "
            "`docker context use default`) to use one on this machine."
        )
    if os.geteuid() != 0:
        raise problems.Problem(
            f"{_STEP}: none answers, and this user may not install or start one (that takes root).\n"
            "Nothing has changed. Start Docker, or set DOCKER_HOST to one that runs; then run the same command again."
        )
    if not shutil.which("dockerd") or not shutil.which("docker"):
        apt.install(_packages(), step, why="Docker's engine")
    if isinstance(docker_cli.ask(), docker_cli.Engine):
        return
    if Path("/run/systemd/system").is_dir():
        _start_service(step)
    else:
        start(Roots(), home(), step)


def start(roots: Roots, home: Path, step: Step) -> None:
    """Start an engine and wait until it answers. Raises Problem, with the end of its log, if it does not."""
    home.mkdir(parents=True, exist_ok=True)
    engine_traces.remove_stale_pidfiles(roots.pidfile, roots.runtime)
    # The note of an engine that was killed still says how things were before it.
    if not _note(home).exists():
        _note(home).write_text("" if engine_traces.bridge_exists() else _BRIDGE_IS_OURS, encoding="utf-8")
    log = home / "dockerd.log"
    with step.doing("starting it"), log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            roots.command(),
            env=os.environ | {engine_traces.MARK: str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        _wait_for_answer(roots, process, log)


def stop(roots: Roots, home: Path) -> str:
    """End the engine that `start` began with the same arguments, and what it left, unless containers run on it.

    Returns what came of it, as a sentence for the user.
    """
    note = _note(home)
    if not note.exists():
        return "No Docker engine was started by this project: nothing to end."
    if not engine_traces.marked(str(home)) and isinstance(docker_cli.ask(roots.host), docker_cli.Engine):
        note.unlink()
        return "The Docker engine that runs here was started by someone else: left as it is."
    containers = docker_cli.running(roots.host)
    if containers:
        return f"The Docker engine goes on, since containers run on it: {', '.join(sorted(containers))}."
    _end_processes(home)
    engine_traces.unmount_below(roots.runtime, roots.data)
    if roots == Roots() and note.read_text(encoding="utf-8") == _BRIDGE_IS_OURS:
        engine_traces.remove_bridge()
    note.unlink()
    return "The Docker engine that this project had started has ended."


def _start_service(step: Step) -> None:
    log = paths.log("engine")
    with step.doing("starting the docker service"):
        try:
            processes.run(["systemctl", "start", "docker.service"], log=log)
        except processes.CommandFailed as failure:
            raise problems.explain(_STEP, failure.output, registry=None, log=log) from None


def _wait_for_answer(roots: Roots, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if isinstance(docker_cli.ask(roots.host), docker_cli.Engine):
            return
        if process.poll() is not None:
            break
        time.sleep(0.3)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [line for line in lines if "level=info" not in line]
    raise problems.explain(_STEP, "\n".join(telling[-processes.TAIL_LINES :]), registry=None, log=log)


def _end_processes(home: Path) -> None:
    # The engine first, which ends its containerd itself; then whatever an engine that was killed has left.
    for name in ("dockerd", ""):
        ours = [pid for pid in engine_traces.marked(str(home)) if engine_traces.command(pid).startswith(name)]
        engine_traces.end(ours, signal.SIGTERM, _STOP_SECONDS)
    engine_traces.end(engine_traces.marked(str(home)), signal.SIGKILL, _STOP_SECONDS)


def _packages() -> list[str]:
    # In newer releases the client is a package of its own.
    known = subprocess.run(["apt-cache", "show", "docker-cli"], capture_output=True, check=False).returncode == 0
    return [*_PACKAGES, *(["docker-cli"] if known else [])]


def _note(home: Path) -> Path:
    return home / "started-here"
