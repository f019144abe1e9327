"""The monitoring of a running stack, end to end: what it sees, whom it tells, what it finds again."""

import io
import json
import os
import re
import signal
import socket
import struct
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
import yaml
from docker.errors import NotFound
from docker.types import LogConfig

from images import reference
from render import monitoring
from settings import load
from tests.unit import test_dashboards as dashboards
from tools.lab.place import place
from tools.lab.project import Project, whole
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads import prometheus
from workloads.network import networks
from workloads.stack import stack as everything

PLACE = place("mon")
BASE, PAGES = f"https://localhost:{PLACE.https}", f"http://127.0.0.1:{PLACE.pages}"
TARGETS = {"prometheus", "alertmanager", "blackbox", "collector", "victorialogs", "requests", "releases", "cadvisor"}
PROBES = {"ollama", "models", "api", "edge"}


PICTURE = "/tmp/page.png"
PICTURES = {
    "status": ("/", 1200, 1500),
    "logs": ("/logs/select/vmui/?#/?query=service.name%3A%3D%22nginx%22&g0.range_input=30m&limit=50", 1200, 800),
}
"""The pictures in docs/images: the path of the page, its width and its height."""


class Receiver:
    """Takes what Alertmanager sends, as a person's webhook would."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.got += [{**alert, "received": time.time()} for alert in body["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, name: str, status: str = "firing") -> list[dict[str, Any]]:
        return [alert for alert in self.got if alert["labels"]["alertname"] == name and alert["status"] == status]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def config(receiver: Receiver) -> dict[str, Any]:
    here = networks(load(PLACE.name, whole(PLACE)))["egress"].subnet[1]
    return whole(
        PLACE,
        ollama={"cpus": "1"},
        edge={"rateLimit": "off"},
        rollout={"watch": "2s"},
        monitoring={
            "interval": "5s",
            "alerts": {"hold": "30s"},
            "notify": {"webhook": f"http://{here}:{receiver.port}/"},
        },
        logging={},
    )


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, config: dict[str, Any]
) -> Iterator[Project]:
    """The whole stack with its monitoring; destroyed in the end."""
    sweep(engine, f"{PLACE.name}-")
    project = Project(tmp_path_factory.mktemp("watched"), PLACE.name, config)
    try:
        project.deploy("up")
        yield project
    finally:
        project.deploy("down", check=False)


@pytest.fixture(scope="module")
def ca(watched: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(watched.outputs()["ca"])
    return path


def asked(query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to an instant query."""
    answer = requests.get(f"{PAGES}/prometheus/api/v1/query", params={"query": query}, timeout=10)
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def value(query: str) -> float:
    found = asked(query)
    return float(found[0]["value"][1]) if found else float("nan")


def logged(query: str) -> list[dict[str, Any]]:
    """What the log store finds; nothing while it is away."""
    answer = requests.post(f"{PAGES}/logs/select/logsql/query", data={"query": query}, timeout=30)
    return [json.loads(line) for line in answer.text.splitlines()] if answer.ok else []


def complete(ca: Path, request_id: str = "", *, stream: bool = False) -> requests.Response:
    headers = {"X-Request-Id": request_id} if request_id else {}
    body = {
        "model": "tiny-random:latest",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 8,
        "stream": stream,
    }
    return requests.post(f"{BASE}/v1/chat/completions", json=body, headers=headers, verify=str(ca), timeout=60)


@pytest.mark.usefixtures("watched")
class TestMetrics:
    def test_every_target_is_up_and_every_probe_succeeds(self) -> None:
        eventually(lambda: {one["metric"]["job"] for one in asked("up == 1")} >= TARGETS | PROBES, 60, "all targets")
        assert not asked("up == 0")
        live = 'probe_success{job=~"ollama|models|edge"} == 1 or (probe_success{job="api"} == 1)'
        eventually(lambda: {one["metric"]["job"] for one in asked(live)} == PROBES, 30, "all probes")

    def test_requests_are_counted_by_class_status_colour_and_key(self, ca: Path) -> None:
        for _ in range(5):
            assert complete(ca).status_code == 200
        assert complete(ca, stream=True).status_code == 200
        query = 'sum by (class, status, colour) (orca_http_requests_total{class="completion"})'
        eventually(lambda: value(query) >= 7, 40, "these six are counted, and the question of `ops up`")
        assert asked(query)[0]["metric"] == {"class": "completion", "status": "200", "colour": "blue"}
        assert value("sum(gen_ai_server_request_duration_seconds_count)") >= 6
        streamed = "sum(gen_ai_server_time_to_first_token_seconds_count)"
        assert 1 <= value(streamed) <= value("sum(gen_ai_server_request_duration_seconds_count)") - 5

    def test_probes_count_for_nobody(self) -> None:
        before = value("sum(orca_http_requests_total)")
        time.sleep(16)  # three probes
        assert value("sum(orca_http_requests_total)") == before

    def test_containers_with_their_limits(self) -> None:
        query = "service:container_memory_limit:ratio"
        wanted = {"ollama", "nginx", "api-blue", "prometheus", "cadvisor"}
        eventually(lambda: {one["metric"]["service"] for one in asked(query)} >= wanted, 60, "memory of containers")
        assert value('container_spec_memory_limit_bytes{service="ollama"}') == 2 * 1024**3
        assert asked("vl_total_disk_space_bytes > vl_free_disk_space_bytes > 0")

    @pytest.mark.parametrize("store", [{}, {"victorialogs": "off"}], ids=["by the log store", "by cAdvisor"])
    def test_a_full_disk_would_be_told(self, config: dict[str, Any], store: dict[str, str]) -> None:
        """The alert of a stack with this log store, on what is measured here, for a disk that is not empty."""
        watching = {**config["monitoring"], "alerts": {"diskRatio": "0.01"}}
        settings = load(PLACE.name, {**config, "monitoring": watching, "logging": {"sinks": store}})
        texts = monitoring.render(settings)[prometheus.config(settings).name]
        groups = [group for text in texts.values() for group in yaml.safe_load(text).get("groups", [])]
        (alert,) = (rule for group in groups for rule in group["rules"] if rule.get("alert") == "HostDiskFull")
        eventually(lambda: bool(asked(alert["expr"])), 60, alert["expr"])
        assert [0.01 < float(one["value"][1]) < 1 for one in asked(alert["expr"])] == [True]

    def test_the_state_of_releases(self) -> None:
        assert value('orca_release_colour{colour="blue",role="live"}') == 1
        assert value('orca_release_phase{phase="done"}') == 1

    def test_the_dashboards_ask_for_metrics_that_are_there(self, ca: Path) -> None:
        """Those that begin with an event, such as a refusal, may be away; no query may be wrong."""
        assert complete(ca).status_code == 200
        always = set().union(*(dashboards.names(query) for query in dashboards.queries())) - dashboards.counted()

        def missing() -> set[str]:
            names = requests.get(f"{PAGES}/prometheus/api/v1/label/__name__/values", timeout=10).json()["data"]
            return always - set(names)

        eventually(lambda: not missing(), 90, "every metric of the dashboards")
        for query in dashboards.queries():
            answer = requests.get(f"{PAGES}/prometheus/api/v1/query", params={"query": query}, timeout=10)
            assert answer.status_code == 200, f"{query}: {answer.text}"

    def test_a_flip_is_an_annotation_at_its_time_with_the_colour(self) -> None:
        (flips,) = dashboards.DASHBOARDS["service.json"]["annotations"]["list"]
        (flip,) = asked(flips["target"]["expr"])
        assert flip["metric"]["colour"] == "blue"
        assert float(flip["value"][1]) == 1000 * value("orca_release_flip_timestamp_seconds")

    def test_labels_are_bounded(self) -> None:
        """No path, no request id, no model, no address of a client is a label."""
        own = {"match[]": '{__name__=~"orca_.+|gen_ai_.+"}'}
        labels = requests.get(f"{PAGES}/prometheus/api/v1/labels", params=own, timeout=10).json()["data"]
        assert set(labels) <= {
            "__name__", "job", "instance", "class", "status", "colour", "key", "le", "release", "role", "phase",
        }  # fmt: skip


@pytest.mark.usefixtures("watched")
class TestLogs:
    def test_a_request_is_found_by_its_id_container_and_colour(self, ca: Path) -> None:
        complete(ca, "found-again-1")
        query = f'container.name:="{PLACE.name}-nginx" client_request_id:="found-again-1"'
        eventually(lambda: len(logged(query)) == 1, 30, "the request's line")
        (line,) = logged(query)
        assert (line["colour"], line["class"], line["status"]) == ("blue", "completion", "200")
        assert line["service.name"] == "nginx"

    def test_a_colour_s_own_lines_have_its_release(self, watched: Project) -> None:
        release = watched.outputs()["release"]
        eventually(lambda: bool(logged(f'service.name:="api-blue" release:="{release}"')), 30, "lines of the release")

    def test_what_the_rollout_did_is_found_with_whom(self) -> None:
        eventually(lambda: bool(logged('service.name:="rollout" event:="flip"')), 30, "the flip")
        flip = logged('service.name:="rollout" event:="flip"')[0]
        assert flip["colour"] == "blue"
        assert "@" in flip["by"]

    def test_the_collector_s_own_lines_are_left_out(self) -> None:
        assert not logged('service.name:="collector"')

    def test_the_store_takes_nothing_from_the_pages(self) -> None:
        assert requests.post(f"{PAGES}/logs/insert/jsonline", data="{}", timeout=5).status_code == 404


def browse(engine: docker.DockerClient, browser: str, path: str, *flags: str) -> tuple[bytes, bytes]:
    """What a browser beside the pages says of one of them, and the picture that it made, empty for none."""
    container = engine.containers.run(
        browser,
        [*flags, "--virtual-time-budget=20000", f"http://127.0.0.1:8080{path}"],
        network_mode=f"container:{PLACE.name}-pages",
        name=f"{PLACE.name}-browser",
        detach=True,
    )
    try:
        assert container.wait(timeout=60)["StatusCode"] == 0, container.logs().decode()
        said = container.logs(stderr=False)
        try:
            chunks, _ = container.get_archive(PICTURE)
        except NotFound:
            return said, b""
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            (member,) = archive.getmembers()
            file = archive.extractfile(member)
            return said, file.read() if file else b""
    finally:
        container.remove(force=True)


@pytest.mark.usefixtures("watched")
class TestPages:
    def test_the_outputs_name_them(self, watched: Project) -> None:
        for name, url in watched.outputs()["endpoints"].items():
            if name in ("status", "logs"):  # the others have no page of their own in the images built here
                assert requests.get(url, timeout=10).status_code == 200

    def test_a_taken_port_costs_nobody_the_pages(self, watched: Project, config: dict[str, Any]) -> None:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            port = held.getsockname()[1]
            watched.write(config | {"pages": config["pages"] | {"port": port}})
            try:
                for refused in (watched.pulumi("preview", check=False), watched.up(check=False)):
                    said = refused.stdout + refused.stderr
                    assert refused.returncode != 0
                    assert f"pages.port: 127.0.0.1:{port}: another program holds it" in said
            finally:
                watched.write(config)
        assert requests.get(f"{PAGES}/", timeout=10).status_code == 200

    def test_status_names_them(self, watched: Project) -> None:
        assert f"{PAGES}/" in watched.run("python3", "-m", "rollout", "status", "--stack", watched.name).stdout

    @pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example"])
    def test_another_name_is_not_served(self, host: str) -> None:
        """So no page from elsewhere can ask by a name of its own that leads to loopback."""
        assert requests.get(f"{PAGES}/journal.json", headers={"Host": host}, timeout=5).status_code == 421

    @pytest.mark.parametrize(("width", "scheme"), [(1200, 1), (400, 0)], ids=["wide-light", "phone-dark"])
    def test_the_status_page_is_drawn(
        self, engine: docker.DockerClient, browser: str, ca: Path, width: int, scheme: int
    ) -> None:
        complete(ca)
        eventually(lambda: value("sum(gen_ai_server_request_duration_seconds_count)") >= 1, 60, "a request to draw")
        flags = ("--dump-dom", f"--window-size={width},2000", f"--blink-settings=preferredColorScheme={scheme}")
        page = browse(engine, browser, "/", *flags)[0].decode()
        assert 'data-drawn="yes"' in page
        assert f"{PLACE.name}: status" in page
        assert page.count("<canvas") >= 6
        assert "through the edge</dt><dd>answers" in page
        assert f"<td>{PLACE.name}" not in page  # by service, without the stack's name
        assert "<td>api-blue</td>" in page

    @pytest.mark.parametrize("name", PICTURES)
    def test_the_pictures_of_the_documentation_can_be_made(
        self, engine: docker.DockerClient, browser: str, ca: Path, pictures: Path, name: str
    ) -> None:
        path, width, height = PICTURES[name]
        complete(ca)
        eventually(lambda: bool(logged('service.name:="nginx"')), 30, "a line to find")
        _, picture = browse(engine, browser, path, f"--screenshot={PICTURE}", f"--window-size={width},{height}")
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", picture[16:24]) == (width, height)
        assert len(picture) > 30_000, "more than an empty page"
        (pictures / f"{name}.png").write_bytes(picture)

    def test_they_are_on_loopback_alone(self, engine: docker.DockerClient) -> None:
        ports = engine.containers.get(f"{PLACE.name}-pages").attrs["NetworkSettings"]["Ports"]
        bound = {binding["HostIp"] for bindings in ports.values() for binding in bindings or []}
        assert bound == {"127.0.0.1"}


class TestEveryContainer:
    def test_keeps_the_secure_defaults_or_says_why_not(
        self, watched: Project, engine: docker.DockerClient, config: dict[str, Any]
    ) -> None:
        del watched
        for work in everything(load(PLACE.name, config)).services:
            attrs = engine.containers.get(work.name).attrs
            host, exempt = attrs["HostConfig"], {found.rule for found in work.exemptions}
            assert host["ReadonlyRootfs"], work.name
            assert host["CapDrop"] == ["ALL"], work.name
            assert bool(host["CapAdd"]) == ("capabilities" in exempt), work.name
            assert not host["Privileged"], work.name
            assert host["Memory"] == host["MemorySwap"] == work.resources.memory, work.name
            assert host["PidsLimit"] == work.resources.pids, work.name
            assert host["LogConfig"]["Config"]["max-size"] == "10m", work.name
            assert any(bind.startswith("/") for bind in host["Binds"] or []) == ("host-paths" in exempt), work.name

    def test_a_second_preview_is_empty(self, watched: Project) -> None:
        watched.pulumi("preview", "--expect-no-changes")


WRITERS, LINES = 5, 20_000
# Twenty lines, then a pause: about 2,000 lines a second from all five, through files of 500 kB that the engine rotates.
WRITE = (
    'i=0; while [ $i -lt $LINES ]; do i=$((i+1)); echo "$RUN line $i of a log that must not be lost"; '
    "[ $((i % 20)) -ne 0 ] || sleep 0.02; done; sleep 300"
)


class Writers:
    """Containers of the stack that only write lines, numbered."""

    def __init__(self, engine: docker.DockerClient, run: str) -> None:
        self.run = run
        self._names = [f"{PLACE.name}-writer-{number}" for number in range(WRITERS)]
        self._made = [
            engine.containers.run(
                reference("nginx"),
                ["-c", WRITE],
                entrypoint=["sh"],
                name=name,
                environment={"LINES": str(LINES), "RUN": run},
                network_mode="none",
                log_config=LogConfig(
                    type=LogConfig.types.JSON, config={"tag": "{{.Name}}", "max-size": "500k", "max-file": "10"}
                ),
                detach=True,
            )
            for name in self._names
        ]

    def remove(self) -> None:
        for made in self._made:
            made.remove(force=True)

    def arrived(self) -> tuple[int, int]:
        """Lines in the store, and different ones among them."""
        query = (
            f'_msg:"{self.run} line" container.name:~"^{PLACE.name}-writer-" '
            "| stats by (container.name) count() lines, count_uniq(_msg) different"
        )
        found = logged(query)
        return sum(int(one["lines"]) for one in found), sum(int(one["different"]) for one in found)


@pytest.mark.alone
class TestDelivery:
    @pytest.fixture
    def writers(
        self, watched: Project, engine: docker.DockerClient, request: pytest.FixtureRequest
    ) -> Iterator[Writers]:
        del watched
        made = Writers(engine, f"run-{request.node.name[-8:].strip('_')}")
        yield made
        made.remove()

    def test_no_line_is_lost_by_restarts(self, writers: Writers, engine: docker.DockerClient) -> None:
        """100,000 lines, rotated, with a restart of the collector and of the store while they are written."""
        eventually(lambda: writers.arrived()[1] > 5_000, 60, "the first lines")
        engine.containers.get(f"{PLACE.name}-victorialogs").stop()
        time.sleep(3)
        engine.containers.get(f"{PLACE.name}-collector").restart()
        time.sleep(3)
        engine.containers.get(f"{PLACE.name}-victorialogs").start()
        eventually(lambda: writers.arrived()[1] >= WRITERS * LINES, 240, "all lines")
        lines, different = writers.arrived()
        print(f"{different:,} of {WRITERS * LINES:,} lines, {lines - different:,} twice")
        assert different == WRITERS * LINES

    def test_next_to_none_is_lost_by_a_kill_of_the_collector(
        self, writers: Writers, engine: docker.DockerClient
    ) -> None:
        eventually(lambda: writers.arrived()[1] > 5_000, 60, "the first lines")
        engine.containers.get(f"{PLACE.name}-collector").kill()
        time.sleep(1)
        engine.containers.get(f"{PLACE.name}-collector").start()
        seen, deadline = 0, time.monotonic() + 240
        while (found := writers.arrived()[1]) < WRITERS * LINES and time.monotonic() < deadline:
            if found == seen and found > WRITERS * LINES * 0.9:
                break
            seen = found
            time.sleep(15)
        lines, different = writers.arrived()
        lost = WRITERS * LINES - different
        print(f"{lost:,} of {WRITERS * LINES:,} lines lost by SIGKILL, {lines - different:,} twice")
        assert lost <= WRITERS * LINES * 0.005

    def test_a_long_line_arrives_whole_and_a_broken_one_arrives(
        self, watched: Project, engine: docker.DockerClient
    ) -> None:
        """The engine cuts lines at 16 KiB, and keeps no byte that is no UTF-8."""
        del watched
        script = "head -c 40000 /dev/zero | tr '\\0' x; echo longlineend; printf 'broken \\377 line\\n'; sleep 60"
        writer = engine.containers.run(
            reference("nginx"),
            ["-c", script],
            entrypoint=["sh"],
            name=f"{PLACE.name}-writer-long",
            network_mode="none",
            log_config=LogConfig(type=LogConfig.types.JSON, config={"tag": "{{.Name}}"}),
            detach=True,
        )
        try:
            query = f'container.name:="{PLACE.name}-writer-long"'
            eventually(lambda: len(logged(query)) >= 2, 60, "both lines")
            lengths = sorted(len(line["_msg"]) for line in logged(query))
            assert lengths == [len("broken ? line"), 40_000 + len("longlineend")]
        finally:
            writer.remove(force=True)


def firing(name: str) -> list[dict[str, Any]]:
    """The alerts of this name that fire in Prometheus, whether or not anybody is told."""
    found = requests.get(f"{PAGES}/prometheus/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    return [one for one in found if one["labels"]["alertname"] == name and one["state"] == "firing"]


def services(found: list[dict[str, Any]]) -> set[str]:
    return {alert["labels"]["service"] for alert in found}


def send(ca: Path, good: int, bad: int) -> None:
    """So many requests that the API answers with 404, which is no error of its own, and that it fails."""
    with requests.Session() as session:
        for _ in range(good):
            assert session.get(f"{BASE}/v1/none", verify=str(ca), timeout=10).status_code == 404
    for _ in range(bad):
        assert complete(ca).status_code >= 500


@pytest.mark.alone
class TestAlerts:
    def test_a_killed_runner_is_told(
        self, watched: Project, engine: docker.DockerClient, receiver: Receiver, ca: Path
    ) -> None:
        del watched
        assert complete(ca).status_code == 200  # the model is loaded
        top = engine.containers.get(f"{PLACE.name}-ollama").top()
        pid = top["Titles"].index("PID")
        runners = [int(process[pid]) for process in top["Processes"] if re.search("runner|llama-server", process[-1])]
        assert runners
        os.kill(runners[0], signal.SIGKILL)
        complete(ca)  # Ollama notices when it asks the runner
        eventually(lambda: bool(receiver.alerts("OllamaRunnerKilled")), 90, "OllamaRunnerKilled")

    def test_a_process_killed_for_memory_is_told(
        self, watched: Project, engine: docker.DockerClient, receiver: Receiver
    ) -> None:
        del watched
        api = engine.containers.get(f"{PLACE.name}-api-blue")
        killed = api.exec_run(["python3", "-c", "b'x' * (2 << 30)"])
        assert killed.exit_code == 137
        eventually(lambda: bool(receiver.alerts("ContainerOomKill")), 90, "ContainerOomKill")
        assert receiver.alerts("ContainerOomKill")[0]["labels"]["service"] == "api-blue"

    def test_a_container_killed_for_memory_is_told(
        self, watched: Project, engine: docker.DockerClient, receiver: Receiver
    ) -> None:
        """Its first process is killed once, and the engine starts it again: the count outlives its cgroup."""
        del watched
        greedy = "sleep 45; touch /tmp/killed; exec python3 -c 'b\"x\" * (2 << 30)'"
        image = engine.containers.get(f"{PLACE.name}-api-blue").image
        assert image is not None
        victim = engine.containers.run(
            image,
            ["-c", f"[ -e /tmp/killed ] && exec sleep 600; {greedy}"],
            entrypoint=["sh"],
            name=f"{PLACE.name}-victim",
            network_mode="none",
            mem_limit=64 << 20,
            memswap_limit=64 << 20,
            restart_policy={"Name": "on-failure", "MaximumRetryCount": 5},
            detach=True,
        )
        try:
            eventually(lambda: "victim" in services(receiver.alerts("ContainerOomKill")), 150, "ContainerOomKill")
            eventually(lambda: "victim" in services(firing("ContainerRestarted")), 60, "ContainerRestarted")
        finally:
            victim.remove(force=True)

    def test_a_rolled_back_release_is_told(self, watched: Project, receiver: Receiver, config: dict[str, Any]) -> None:
        watched.write({**config, "api": {**config["api"], "env": {"SECOND": "1"}}})
        watched.up()
        watched.run("python3", "-m", "rollout", "rollback", "--stack", watched.name)
        eventually(lambda: bool(receiver.alerts("ReleaseRejected")), 90, "ReleaseRejected")
        watched.write(config)
        watched.up()

    def test_three_that_take_their_time(
        self, watched: Project, engine: docker.DockerClient, receiver: Receiver, ca: Path
    ) -> None:
        """Ollama is away: told after two minutes. Meanwhile 4 % errors are no alert and more than 5 % are, and a
        container near its memory limit is one."""
        del watched
        api = engine.containers.get(f"{PLACE.name}-api-blue")
        limit = api.attrs["HostConfig"]["Memory"]
        # For longer than both waits for errors below: the memory must still be held when its alert is due.
        hold = f"import time; held = b'x' * int({limit} * 0.85); time.sleep(420)"
        api.exec_run(["python3", "-c", hold], detach=True)
        server = engine.containers.get(f"{PLACE.name}-ollama")
        server.stop()
        begin = time.time()
        while time.time() < begin + 70:
            send(ca, 24, 1)
            assert not firing("ApiHighErrorRate")
        assert not receiver.alerts("OllamaDown")
        deadline = time.time() + 300
        while not firing("ApiHighErrorRate"):
            assert time.time() < deadline
            send(ca, 22, 3)
        eventually(lambda: bool(receiver.alerts("ContainerHighMemory")), 120, "ContainerHighMemory")
        eventually(lambda: bool(receiver.alerts("OllamaDown")), 120, "OllamaDown")
        took = receiver.alerts("OllamaDown")[0]["received"] - begin
        server.start()
        assert 120 <= took <= 165
        eventually(lambda: bool(receiver.alerts("OllamaDown", "resolved")), 150, "OllamaDown is over")
