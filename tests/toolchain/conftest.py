"""Programs and commands for the tests of the toolchain: with the real CLI, real processes and a real engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.toolchain import paths, stand_ins

# dockerd takes root, and is on Linux alone; everywhere else the engine is somebody else's.
if os.geteuid() != 0 or shutil.which("dockerd") is None:
    collect_ignore = ["test_engine.py"]

PROGRAM = """
import os, pathlib, sys, time
import pulumi

config = pulumi.Config()
mode = config.get("mode")
print("the program speaks")
pulumi.export("size", config.get("size"))
pulumi.export("token", config.get_secret("token"))
pulumi.export("variable", os.environ.get("FROM_OUTSIDE"))
if mode == "refuse":
    raise pulumi.RunError("memory: 8X is no size")
if mode == "crash":
    raise ValueError("boom")
if mode == "exit":
    sys.exit(7)
if mode == "hang":
    pathlib.Path("pid").write_text(str(os.getpid()))
    time.sleep(600)
"""


@dataclass(frozen=True)
class Project:
    """A small Pulumi project with a stack `dev`, run by the language host of this checkout."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin a `pulumi` command; its output is one text."""
        return subprocess.Popen(
            ["pulumi", "--non-interactive", "--color", "never", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Run a `pulumi` command; its exit code and its output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def up(self, mode: str) -> tuple[int, str]:
        """Deploy in a mode of PROGRAM."""
        self.pulumi("config", "set", "mode", mode)
        return self.pulumi("up", "--yes", "--skip-preview")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder, binaries, state = (tmp_path / name for name in ("project", "bin", "state"))
    for place in (folder, binaries, state):
        place.mkdir()
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    _launcher(binaries)
    path = [str(binaries), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = os.environ | {
        "PATH": os.pathsep.join(path),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "FROM_OUTSIDE": "seen",
    }
    made = Project(folder, environment)
    code, output = made.pulumi("stack", "init", "dev")
    assert code == 0, output
    return made


def _launcher(binaries: Path) -> None:
    name, module = stand_ins.LANGUAGE_HOST
    executor = shutil.which(f"{name}-exec")
    assert executor is not None
    text = stand_ins.launcher(Path(sys.executable), paths.CHECKOUT, module, "--use-executor", executor)
    (binaries / name).write_text(text)
    (binaries / name).chmod(0o755)


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and state, for commands that must not touch those of the user."""
    monkeypatch.setenv("ORCA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ORCA_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def started() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts Python code as a process of its own; all are gone at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(code: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(
            command, cwd=paths.CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
