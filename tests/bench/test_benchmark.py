"""The benchmark as it is run, with few flips: what it reports, what it sees as lost, and that nothing is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from tools.benchmarks import host, report
from tools.benchmarks.contenders import BLUE, GREEN, nginx_reload
from tools.benchmarks.flips import flips
from tools.lab.backend import image
from tools.lab.load.client import LoadClient
from tools.lab.wait import eventually

pytestmark = pytest.mark.alone
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    assert not host.found(client), "a benchmark is under way, or one was killed"
    yield client
    host.sweep(client)
    client.close()


def run(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tools.benchmarks", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_short_run(engine: docker.DockerClient, tmp_path: Path) -> None:
    file = tmp_path / "table.md"
    file.write_text(f"{report.BEGIN}\n{report.END}\n")
    benchmark = run("--flips", "4", "--seconds", "0.5", "--into", str(file))
    said, _ = benchmark.communicate(timeout=500)
    assert benchmark.returncode == 0, said
    lines = [line.strip("| ").split(" | ") for line in file.read_text().splitlines() if line.startswith("|")]
    assert len(lines[0]) == 4, lines[0]
    ours = {line[0]: line[1] for line in lines[2:]}
    assert ours["flips, there and back"] == "4"
    for kind in ("POST, kept connection", "POST, new connection", "GET, new connection"):
        assert ours[f"lost {kind}"].startswith("0 of "), said
        assert int(ours[f"lost {kind}"].removeprefix("0 of ").replace(",", "")) > 20
    assert ours["truncated streams"].startswith("0 of ")
    assert ours["wrong colour after the command"] == "0"
    assert not [cell for line in lines for cell in line if "never" in cell], "every contender flips"
    assert not host.found(engine)


def test_after_ctrl_c_nothing_is_left(engine: docker.DockerClient) -> None:
    """While pulumi makes containers: what comes late is removed, too."""
    benchmark = run("--flips", "2")
    eventually(lambda: any("nginx" in name for name in host.found(engine)), 120, "the stack's containers are made")
    os.killpg(benchmark.pid, signal.SIGINT)
    said, _ = benchmark.communicate(timeout=60)
    assert benchmark.returncode == 130, said
    assert "Traceback" not in said
    assert said.endswith("is removed again.\n")
    assert not host.found(engine)


def test_a_run_beside_another_is_refused(engine: docker.DockerClient) -> None:
    engine.volumes.create(f"{host.PREFIX}other")
    second = run()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"The engine has {host.PREFIX}other already" in said
    assert host.found(engine) == [f"{host.PREFIX}other"]


def test_a_contender_that_loses_is_seen_to_lose(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A proxy that is restarted at every flip: connections are refused, and streams end without their last event."""
    backend = image.build(engine, f"{host.PREFIX}backend")
    network = f"{host.PREFIX}app-network"
    for name in (network, host.EDGE_NETWORK):
        engine.networks.create(name)
    for colour, version in (("blue", BLUE), ("green", GREEN)):
        engine.containers.run(
            f"{backend}:1",
            name=f"{host.PREFIX}api-{colour}",
            environment={"VERSION": version},
            network=network,
            detach=True,
        )
    backends = host.Backends(
        network=network, blue=f"{host.PREFIX}api-blue:8000", green=f"{host.PREFIX}api-green:8000", direct=""
    )
    plain = nginx_reload.begin(engine, backends, *host.certificate(tmp_path), host.PORTS[10])
    # It is done when the proxy has been back for a second, so that each version answers before the next flip.
    restart = f'docker exec "$@" && docker restart --time 0 {host.PREFIX}reload && sleep 1'
    losing = replace(
        plain,
        forth=("sh", "-c", restart, "sh", *plain.forth[2:]),
        back=("sh", "-c", restart, "sh", *plain.back[2:]),
    )
    found = flips(LoadClient(tmp_path), losing, 2)
    summary = found.result.summary()
    for kind in ("keepalive", "fresh", "get", "stream"):
        assert found.result.of(kind).lost, summary
    assert "truncated" in {request.outcome for request in found.result.of("stream").lost}, summary
    assert len(found.result.lost) < len(found.result), "it is not down for ever"
    assert found.result.versions == {"", BLUE, GREEN}, summary
