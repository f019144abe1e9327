"""An engine of the tests' own, beside the one that the other tests use: started, ended, killed."""

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toolchain.conftest import alive
from tools.lab.wait import eventually
from tools.toolchain import docker_cli, engine, engine_traces
from tools.toolchain.engine import Roots
from tools.toolchain.progress import Progress, Step

BRIDGE = "orca-test0"


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short one: the path of a socket must not be longer than a hundred letters."""
    return tmp_path_factory.mktemp("engine")


@pytest.fixture
def roots(tmp_path: Path) -> Iterator[Roots]:
    # A bridge of its own: an engine that is told to do without one would remove the other engine's.
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    apart = (f"--bridge={BRIDGE}", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
    places = Roots(tmp_path / "sock", tmp_path / "data", tmp_path / "run", tmp_path / "docker.pid", apart)
    bridge_before = engine_traces.bridge_exists()
    yield places
    engine_traces.end(engine_traces.marked(str(tmp_path / "home")), signal.SIGKILL, 10)
    engine_traces.unmount_below(places.runtime, places.data)
    subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
    assert engine_traces.bridge_exists() == bridge_before


@pytest.fixture
def step() -> Step:
    return Progress(io.StringIO()).step("docker engine")


def answers(roots: Roots) -> bool:
    return isinstance(docker_cli.ask(roots.host), docker_cli.Engine)


def mounts(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]


def test_it_starts_and_ends_without_a_trace(tmp_path: Path, roots: Roots, step: Step) -> None:
    engine.start(roots, tmp_path / "home", step)
    assert answers(roots)
    assert engine.is_ours(tmp_path / "home")
    processes = engine_traces.marked(str(tmp_path / "home"))
    assert engine.stop(roots, tmp_path / "home") == "The Docker engine that this project had started has ended."
    assert not answers(roots)
    assert not any(map(alive, processes))
    assert mounts(tmp_path) == []


def test_one_that_was_killed_is_cleared_away_and_starts_again(tmp_path: Path, roots: Roots, step: Step) -> None:
    engine.start(roots, tmp_path / "home", step)
    daemon = int(roots.pidfile.read_text())
    os.kill(daemon, signal.SIGKILL)
    eventually(lambda: not alive(daemon), 10, "the daemon has ended")
    assert mounts(tmp_path) != []
    engine.stop(roots, tmp_path / "home")
    assert engine_traces.marked(str(tmp_path / "home")) == []
    assert mounts(tmp_path) == []
    # By now the number in its pid files may be that of any other program.
    roots.pidfile.write_text(str(os.getpid()))
    (roots.runtime / "containerd" / "containerd.pid").write_text(str(os.getpid()))
    engine.start(roots, tmp_path / "home", step)
    assert answers(roots)


def test_one_that_someone_else_started_is_left_alone(tmp_path: Path, roots: Roots, step: Step) -> None:
    engine.start(roots, tmp_path / "home", step)
    assert engine.stop(roots, tmp_path / "another") == "No Docker engine was started by this project: nothing to end."
    assert answers(roots)


def test_one_that_cannot_start_says_why(tmp_path: Path, roots: Roots, step: Step) -> None:
    broken = Roots(roots.socket, roots.data, roots.runtime, roots.pidfile, ("--storage-driver=none-such",))
    with pytest.raises(Exception, match="docker engine: failed") as caught:
        engine.start(broken, tmp_path / "home", step)
    assert "none-such" in str(caught.value)
    assert engine_traces.marked(str(tmp_path / "home")) == []


def test_containers_keep_it_going(tmp_path: Path, roots: Roots, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.start(roots, tmp_path / "home", step)
    monkeypatch.setattr(docker_cli, "running", lambda host: ["dev-nginx", "dev-ollama"] if host == roots.host else [])
    assert engine.stop(roots, tmp_path / "home").endswith("containers run on it: dev-nginx, dev-ollama.")
    assert answers(roots)
