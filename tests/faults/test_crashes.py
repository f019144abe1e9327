"""Crashes while requests run: of the live colour, of the standby, of the edge; and strangers beside them."""

import io
import subprocess
import tarfile
import time
from datetime import datetime

import docker
import pytest
import requests
from docker.errors import APIError
from docker.models.containers import Container

from tools.lab.load.client import LoadClient, Mix, Result
from tools.lab.stack import SmallStack
from tools.lab.wait import eventually

REQUESTS = Mix(keepalive="10@5ms", get="2@20ms")


def ready(stack: SmallStack, colour: str) -> bool:
    return bool(stack.status()["colours"][colour]["health"] == "ready")


def ended(container: Container) -> float:
    """When the container's process last ended, as the engine noted it."""
    container.reload()
    noted: str = container.attrs["State"]["FinishedAt"]
    return datetime.fromisoformat(noted).timestamp()


def _cut_off(container: Container) -> None:
    """Take the links of a container down that runs. An update would start one that was stopped."""
    enter = ["nsenter", f"--target={container.attrs['State']['Pid']}", "--net", "ip", "link", "set"]
    for number in range(len(container.attrs["NetworkSettings"]["Networks"])):
        subprocess.run([*enter, f"eth{number}", "down"], check=True)


def assert_only_in_flight(result: Result, moment: float, clients: int) -> None:
    """Only requests that were in flight at that moment were lost, and of each client at most one."""
    assert all(request.start < moment + 0.05 for request in result.lost), result.summary()
    assert len(result.lost) <= clients, result.summary()


@pytest.mark.parametrize("how", ["SIGKILL", "out of memory", "docker restart"])
def test_the_live_colour_goes_and_comes_back(pair: SmallStack, load: LoadClient, how: str) -> None:
    """Only what it had in flight is lost; the standby answers within a second, until it is back."""
    live, standby = pair.versions()[pair.live], pair.versions()[pair.idle]
    name = f"api-{pair.live}"
    address = pair.container(name).attrs["NetworkSettings"]["Networks"][f"{pair.name}-app-network"]["IPAddress"]
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        time.sleep(1)
        begin = time.time()
        match how:
            case "SIGKILL":
                pair.kill_process(name)
            case "docker restart":
                pair.container(name).restart()
            case _:
                pair.exec_in_edge("curl", "-s", "--unix-socket", "/run/edge/admin.sock", f"http://{pair.live}-0/v1/eat")
        eventually(lambda: ready(pair, pair.live), 30, "the live colour is back")
        back = time.time()
        time.sleep(2)
    result, gone = running.end(), ended(pair.container(name))
    assert_only_in_flight(result, gone, clients=12)
    assert result.versions - {""} == {live, standby}
    assert result.after(begin).first(standby) - gone < 1
    assert result.after(back + 1).versions == {live}
    after = pair.container(name).attrs["NetworkSettings"]["Networks"][f"{pair.name}-app-network"]["IPAddress"]
    assert after == address


def test_no_rollback_to_a_dead_colour(pair: SmallStack, load: LoadClient) -> None:
    before, version = pair.live, pair.version
    pair.container(f"api-{pair.idle}").stop()
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        refused = pair.rollout("rollback")
        flip = pair.rollout("flip", "--to", pair.idle)
    result = running.end()
    pair.container(f"api-{pair.idle}").start()
    assert (refused.returncode, flip.returncode) == (3, 3)
    assert "is not ready" in refused.stderr
    assert "exited" in refused.stderr
    assert pair.live == before
    assert not result.lost, result.summary()
    assert result.versions == {version}


def test_no_release_takes_away_the_colour_that_answers(pair: SmallStack, load: LoadClient) -> None:
    """The live colour is out of reach and the standby serves: the update is refused, and goes through after a flip."""
    standby, before = pair.idle, pair.ids()
    _cut_off(pair.container(f"api-{pair.live}"))
    new = pair.want()
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        refused = pair.up(check=False)
        assert pair.ids() == before
        assert pair.rollout("flip", "--to", standby).returncode == 0
        pair.up()
    result = running.end()
    assert refused.returncode != 0
    assert f"python -m rollout flip --to {standby}" in refused.stdout + refused.stderr
    assert not result.lost, result.summary()
    assert pair.versions()[pair.live] == new


def test_rollback_in_the_middle_of_a_drain(pair: SmallStack, load: LoadClient) -> None:
    """Streams still end on the colour that was left, and the way back to it is open."""
    old = pair.version
    new = pair.versions()[pair.idle]
    assert pair.rollout("flip", "--to", pair.idle).returncode == 0
    with load.run(pair.url, pair.ca, Mix(stream="2@0s", stream_path="/v1/stream?seconds=8", get="1@20ms")) as running:
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        back = pair.rollout("flip", "--to", pair.idle)
        assert back.returncode == 0, back.stderr
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}


def test_the_edge_is_killed_and_comes_back_with_the_same_colour(pair: SmallStack, load: LoadClient) -> None:
    if pair.live == "blue":  # the colour that nginx would take without its marker
        assert pair.rollout("flip", "--to", "green").returncode == 0
    version = pair.versions()["green"]
    config = pair.in_state("readlink config").stdout.strip().rsplit("/", 1)[1]
    reloaded = pair.run_configure(config)
    assert reloaded.returncode == 0, reloaded.stderr
    pair.kill_process("nginx")
    eventually(
        lambda: pair.container("nginx").attrs["State"]["Running"] and pair.live == "green", 20, "the edge is back"
    )
    eventually(lambda: ready(pair, "green"), 20, "it serves")
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        time.sleep(2)
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {version}


def test_an_application_that_closes_idle_connections_loses_no_request(stack: SmallStack, load: LoadClient) -> None:
    """It closes them after 30 ms; clients that pause for about as long would meet a closed one if nginx kept any."""
    stack.release(env={"IDLE": "30ms"})
    with load.run(stack.url, stack.ca, Mix(keepalive="5@29ms,5@30ms,5@31ms,5@300ms")) as running:
        time.sleep(15)
        running.wait_answers(2_000)
    result = running.end()
    assert not result.lost, result.summary()


def test_no_request_reaches_a_stranger(pair: SmallStack, engine: docker.DockerClient, load: LoadClient) -> None:
    """A container of somebody else joins the network while a colour is gone: it gets no colour's address."""
    version, idle = pair.version, pair.container(f"api-{pair.idle}")
    network = engine.networks.get(f"{pair.name}-app-network")
    address = idle.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
    idle.stop()
    stranger = engine.containers.run(
        f"{pair.image}:1", environment={"VERSION": "stranger"}, network=network.name, detach=True
    )
    try:
        stranger.reload()
        assert stranger.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"] != address
        pair.kill_process(f"api-{pair.live}")
        with load.run(pair.url, pair.ca, Mix(get="4@20ms")) as running:
            time.sleep(2)
        assert running.end().versions - {""} == {version}
    finally:
        stranger.remove(force=True)
        idle.start()


def test_a_bad_configuration_never_becomes_the_running_one(pair: SmallStack, load: LoadClient) -> None:
    """A directive that there is none of, and a certificate that is missing."""
    carrier = pair.container("edge-config-files")
    good = pair.in_state("readlink config").stdout.strip()
    files = {
        "bad-directive": "events {}\nno_such_directive on;\n",
        "bad-certificate": "events {}\nhttp { server { ssl_certificate /no; ssl_certificate_key /no; listen 9 ssl; } }",
    }
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        for name, text in files.items():
            put(carrier, f"/files/releases/{name}/nginx.conf", text)
            refused = pair.run_configure(name)
            assert refused.returncode == 3
            assert "nginx refuses the new configuration" in refused.stderr
            assert {"bad-directive": "no_such_directive", "bad-certificate": "/no"}[name] in refused.stderr
    result = running.end()
    assert pair.in_state("readlink config").stdout.strip() == good
    assert not result.lost, result.summary()


def test_reloads_leave_room_for_the_streams_of_before(pair: SmallStack) -> None:
    """Each reload leaves a worker that ends its streams. Many of them would use up the edge's memory, and the kernel
    would end all of them."""
    config = pair.in_state("readlink config").stdout.strip().rsplit("/", 1)[1]
    restarts = pair.container("nginx").attrs["RestartCount"]
    streams = []
    with requests.Session() as client:
        for _ in range(22):  # of 6 MiB, in half of 256 MiB
            url = f"{pair.url}/v1/stream?seconds=600"
            stream = client.get(url, stream=True, verify=str(pair.ca), timeout=30)
            streams.append(stream)
            assert stream.status_code == 200
            pair.exec_in_edge("nginx", "-c", "/var/lib/edge/config/nginx.conf", "-s", "reload")
            eventually(lambda: former_workers(pair) == len(streams), 20, "the stream's worker is one of before")
        refused = pair.run_configure(config)
        assert refused.returncode == 3
        assert "22 workers" in refused.stderr
        assert "edge.memory" in refused.stderr
        assert all(next(stream.iter_lines()) for stream in streams)
        for stream in streams:
            stream.close()
    eventually(lambda: pair.run_configure(config).returncode == 0, 30, "the workers have ended")
    assert pair.container("nginx").attrs["RestartCount"] == restarts


def former_workers(stack: SmallStack) -> int:
    """Workers of before a reload that still have requests."""
    return sum("is shutting down" in " ".join(row) for row in stack.container("nginx").top()["Processes"])


def put(container: Container, path: str, text: str) -> None:
    """Write a file into a container's volume."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        data = text.encode()
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(data), 0o444
        tar.addfile(entry, io.BytesIO(data))
    try:
        assert container.put_archive("/", archive.getvalue())
    except APIError as error:
        raise AssertionError(str(error)) from None
