"""The production stack from its first deployment to its move to another host: the program and the settings of
Pulumi.prod.yaml, changed where an operator without its registry, its domain and its processors would change them.

The other host is a second engine, reached by ssh and nothing else (far_host.py).
"""

import io
import json
import shutil
import socket
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
import yaml

import images
from settings import load
from tests.faults.far_host import FarHost, another_host
from tests.pages import blocks
from tools.lab.load.client import LoadClient, Mix
from tools.lab.place import Place, own, place
from tools.lab.project import ROOT, Project, overlaid, whole
from tools.lab.streams import WHOLE, streaming
from tools.lab.sweep import left, sweep, sweep_images
from tools.lab.wait import eventually
from workloads.network import networks

HERE, THERE = place("prd"), place("prf")
MIRROR = own("orca-models")
KEY = "9d1c4b7e20f86a35" * 4
HEADERS = {"X-Api-Key": KEY}
TINY, EMBED = "tiny-random:latest", "tiny-embed:latest"
BUILDS = ("1.0.0", "1.0.1")
BUILT_HERE = (1, 0, 0)  # Debian's nginx, which a production stack refuses (docs/security.md)
PINNED = ("ollama", "nginx", "prometheus", "cadvisor", "collector", "victorialogs")
# Together with the streams, of a second or more each, below the limits of the production stack for one key.
LOAD = Mix(
    keepalive="1@2s",
    post_path="/v1/chat/completions",
    body=json.dumps({"model": TINY, "max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}),
    get="3@100ms",
    get_path="/v1/models",
    header=f"X-Api-Key: {KEY}",
)
TARGETS = {"prometheus", "alertmanager", "blackbox", "collector", "victorialogs", "requests", "releases", "cadvisor"}
PROBES = {"ollama", "models", "api", "edge"}


@dataclass(frozen=True)
class Shelf:
    """The registry with every image that production needs, each by its tag and digest; and the builds of the API."""

    registry: str
    pinned: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"{self.registry}/orca-agents"

    @property
    def port(self) -> int:
        return int(self.registry.rpartition(":")[2])


class Stack(Project):
    """A production stack at a place of the tests."""

    def __init__(self, base: Path, where: Place, config: dict[str, Any]) -> None:
        super().__init__(base, where.name, config)
        self.place, self.url, self.ca = where, f"https://localhost:{where.https}", base / "ca.pem"

    def create(self) -> str:
        """Issue a key and deploy, as docs/operations.md has it; what `make up` says."""
        self.pulumi("stack", "init")
        self.pulumi("config", "set", "--secret", "--path", "edge.apiKeys.first-client.keys[0]", KEY)
        said = self.deploy("up")
        self.ca.write_text(self.outputs()["ca"])
        return said.stdout + said.stderr

    def change(self, **change: Any) -> None:
        self.write(overlaid(self.config(), change))

    def release(self, build: str) -> None:
        self.run("python3", "-m", "ops", "release", "--stack", self.name, "--tag", build)

    def rollout(self, *words: str) -> str:
        return self.run("python3", "-m", "rollout", *words, "--stack", self.name).stdout

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rollout("status", "--json"))
        return found

    def command(self, begin: str, words: dict[str, str]) -> None:
        """Carry out the line of docs/operations.md that begins so, with these words in it exchanged."""
        page = ROOT / "docs" / "operations.md"
        (line,) = [line for block in blocks(page) for line in block.splitlines() if line.startswith(begin)]
        for word, ours in words.items():
            assert word in line, word
            line = line.replace(word, ours)
        self.run("sh", "-ec", line)

    def metric(self, query: str) -> list[dict[str, Any]]:
        """What its Prometheus answers, by the pages on its host's loopback."""
        pages = f"http://127.0.0.1:{self.place.pages}/prometheus/api/v1/query"
        found: list[dict[str, Any]] = requests.get(pages, params={"query": query}, timeout=10).json()["data"]["result"]
        return found

    def logged(self, query: str) -> list[dict[str, Any]]:
        """What its log store finds."""
        pages = f"http://127.0.0.1:{self.place.pages}/logs/select/logsql/query"
        answer = requests.post(pages, data={"query": query}, timeout=30)
        return [json.loads(line) for line in answer.text.splitlines()] if answer.ok else []

    def is_watched(self) -> None:
        """Its monitoring sees every part of it, and its logs are found."""

        def jobs(query: str) -> set[str]:
            return {one["metric"]["job"] for one in self.metric(query)}

        eventually(lambda: jobs("up == 1") >= TARGETS | PROBES and not jobs("up == 0"), 90, "every target is up")
        # The probe of a model that answers comes every five minutes.
        eventually(lambda: jobs("probe_success == 1") >= PROBES, 60, "every probe succeeds")
        limit = f'container_spec_memory_limit_bytes{{service="ollama",name="{self.name}-ollama"}} == {8 * 1024**3}'
        eventually(lambda: bool(self.metric(limit)), 60, "cAdvisor sees the containers of this host")
        eventually(lambda: bool(self.logged('service.name:="rollout" event:="flip"')), 60, "the flip is in the log")


def settings(shelf: Shelf, where: Place, **more: Any) -> dict[str, Any]:
    """Pulumi.prod.yaml with images of this registry, a tiny model and a place of the tests; `more` is laid over it."""
    written = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    real = {key.removeprefix("orca-agents:"): value for key, value in written.items()}
    ours = {
        "OLLAMA_VERSION": shelf.pinned["ollama"].removeprefix(f"{shelf.registry}/ollama:"),
        "OLLAMA_MODELS": [TINY],
        "IMAGE_TAG": BUILDS[0],
        "api": {"image": shelf.api},
        "ollama": {"cpus": "2"},  # an engine refuses more than its host has
        "rollout": {"watch": "10s"},
        "images": {
            **shelf.pinned,
            "ollama": f"{shelf.registry}/ollama",
            **dict.fromkeys(("alertmanager", "blackbox"), shelf.pinned["prometheus"]),
        },
        **overlaid(where.settings, {"edge": {"hostname": "localhost"}}),
    }
    return overlaid(overlaid(real, ours), more)


@pytest.fixture(scope="module")
def shelf(registry: str, engine: docker.DockerClient) -> Iterator[Shelf]:
    """The images that are built here, and two builds of the API, in the registry and no more under its name here."""

    def push(name: str, path: str, tag: str) -> str:
        repository = f"{registry}/{path}"
        # An image of its own, so that the engine cannot know it by its id.
        dockerfile = io.BytesIO(f"FROM {images.reference(name)}\nLABEL build={tag}\n".encode())
        engine.images.build(fileobj=dockerfile, tag=f"{repository}:{tag}", rm=True)
        said = list(engine.images.push(repository, tag, stream=True, decode=True))
        engine.images.remove(f"{repository}:{tag}")
        (digest,) = [event["aux"]["Digest"] for event in said if "aux" in event]
        return f"{repository}:{tag}@{digest}"

    made = Shelf(registry)
    try:
        with ThreadPoolExecutor(2) as pool:
            begun = {name: pool.submit(push, name, name, images.digest(name)[:12]) for name in PINNED}
            builds = [pool.submit(push, "api", "orca-agents", build) for build in BUILDS]
        made.pinned.update((name, pushed.result()) for name, pushed in begun.items())
        assert all(pushed.result() for pushed in builds)
        yield made
    finally:
        sweep_images(engine, f"{registry}/")


@pytest.fixture(scope="module")
def mirror(engine: docker.DockerClient) -> Iterator[str]:
    """A mirror of models on this host, by its address on the network of the stack that has a way out."""
    sweep(engine, MIRROR)
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    listen = f"sed 's/listen 5000/listen {port}/' /etc/nginx/nginx.conf > /tmp/nginx.conf"
    command = ["sh", "-ec", f"{listen}; exec nginx -c /tmp/nginx.conf -g 'daemon off;'"]
    image = images.reference("model-mirror")
    container = engine.containers.run(image, command, name=MIRROR, network_mode="host", detach=True)
    try:
        yield f"http://{networks(load(HERE.name, whole(HERE)))['egress'].subnet[1]}:{port}"
    finally:
        container.remove(force=True)


@pytest.fixture(scope="module")
def prod(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, shelf: Shelf, mirror: str
) -> Iterator[Stack]:
    """The stack on this host, not deployed yet."""
    sweep(engine, f"{HERE.name}-")
    stack = Stack(tmp_path_factory.mktemp("prod"), HERE, settings(shelf, HERE, models={"mirror": mirror}))
    with stack.safe_from(BUILT_HERE):
        try:
            yield stack
        finally:
            stack.deploy("down", check=False)
            sweep(engine, f"{HERE.name}-")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHost]:
    with another_host(tmp_path_factory.mktemp("far")) as host:
        yield host


def digests() -> dict[str, str]:
    """The models of the mirror, each with its digest."""
    published = tomllib.loads((ROOT / "images" / "model-mirror" / "models.toml").read_text())
    return {name: f"sha256:{published[name]['manifest_sha256']}" for name in (TINY, EMBED)}


def test_from_the_first_deployment_to_a_backup(
    tmp_path: Path, prod: Stack, shelf: Shelf, engine: docker.DockerClient, load: LoadClient
) -> None:
    said = prod.create()
    assert "whole answer after" in said
    assert f"{shelf.pinned['nginx']}: pulled in" in said
    made = engine.containers.list(all=True, filters={"name": f"^/{prod.name}-"}, ignore_removed=True)
    assert len(made) > 10
    assert [one.name for one in made if not one.attrs["Config"]["Image"].startswith(f"{shelf.registry}/")] == []
    assert requests.get(f"{prod.url}/v1/models", verify=str(prod.ca), timeout=10).status_code == 401
    prod.is_watched()

    with load.run(prod.url, prod.ca, LOAD) as running, streaming(prod.url, prod.ca, TINY, 2000, HEADERS) as ends:
        prod.release(BUILDS[1])
        assert (prod.status()["live"], prod.outputs()["image"]) == ("green", f"{shelf.api}:{BUILDS[1]}")
        prod.change(OLLAMA_MODELS=[TINY, EMBED])
        prod.up()
        assert prod.outputs()["models"] == digests()
        prod.rollout("rollback")
        assert prod.status()["live"] == "blue"
        before = len(ends)
        eventually(lambda: len(ends) > before + 1, 60, "a stream through the old colour")
    result = running.end()
    print(f"{len(result)} requests and {len(ends)} streams over a release, a change of models and a rollback")
    assert not result.lost, result.summary()
    assert set(ends) == {WHOLE}
    served = 'sum by (colour) (orca_http_requests_total{status="200"}) > 0'
    eventually(lambda: {one["metric"]["colour"] for one in prod.metric(served)} == {"blue", "green"}, 40, "both served")

    prod.change(IMAGE_TAG=BUILDS[0])
    prod.up()
    assert prod.run("python3", "-m", "ops", "drift", "--stack", prod.name, check=False).returncode == 0

    prod.command("pulumi stack export", {"prod": prod.name})
    volume = {"prod-ollama_data": f"{prod.name}-ollama_data", "<image of ollama>": image_of_ollama(prod, shelf)}
    prod.command("docker run --rm --entrypoint tar -v prod-ollama_data", volume)
    # The machine of the operator is lost: the state comes from its backup.
    (new := tmp_path / "state").mkdir()
    prod.env["PULUMI_BACKEND_URL"] = f"file://{new}?metadata=skip"
    prod.command("pulumi stack init prod && pulumi stack import", {"prod": prod.name})
    prod.pulumi("preview", "--expect-no-changes")


def image_of_ollama(stack: Stack, shelf: Shelf) -> str:
    return f"{shelf.registry}/ollama:{stack.config()['OLLAMA_VERSION']}"


def test_the_move_to_another_host(
    tmp_path: Path, prod: Stack, far: FarHost, shelf: Shelf, engine: docker.DockerClient, load: LoadClient
) -> None:
    """After the test before: its models come from its backup, for here no registry of models is in reach."""
    models = [f"{name}@{digest}" for name, digest in digests().items()]
    config = settings(shelf, THERE, dockerHost=far.address, OLLAMA_MODELS=models)
    second = Stack(tmp_path, THERE, config)
    with far.forwarding(here=[THERE.https, THERE.pages], there=[shelf.port]), second.safe_from(BUILT_HERE):
        shutil.copy(prod.folder / "ollama_data.tar", second.folder)
        second.command(
            "docker --host ssh://",
            {
                "ssh://deploy@llm-2.example.com": far.address,
                "second-ollama_data": f"{second.name}-ollama_data",
                "<image of ollama>": image_of_ollama(second, shelf),
            },
        )
        said = second.create()
        assert f"{shelf.api}:{BUILDS[0]}: brought to {far.address}" in said
        assert f"{TINY} is there already" in said
        assert f"{EMBED} is there already" in said
        assert "whole answer after" in said
        assert second.outputs()["models"] == digests()
        assert left(engine, f"{second.name}-") == [], "nothing of it is on this machine's engine"

        with load.run(second.url, second.ca, LOAD) as running:
            second.release(BUILDS[1])
            assert second.status()["live"] == "green"
            second.rollout("rollback")
            assert second.status()["live"] == "blue"
        result = running.end()
        print(f"{len(result)} requests over a release and a rollback by ssh")
        assert not result.lost, result.summary()
        second.is_watched()
        assert not second.logged(f'container.name:~"^{prod.name}-"'), "the logs are those of its host alone"

        for stack, there in ((second, far.engine), (prod, engine)):
            stack.deploy("down")
            assert left(there, f"{stack.name}-") == [f"{stack.name}-ollama_data"], "models.keep"
