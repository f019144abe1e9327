"""`ollama-init` with a real Ollama and real registries: what it pulls, what it refuses, what it leaves behind."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

import images
from certificates.self_signed import authority, leaf
from engine.arguments import VARIABLE, RunToEnd, write
from engine.errors import NeedsPerson
from engine.run import run_to_end
from settings import Model, load
from settings.scalars import known
from tools.lab.place import own
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads import ollama

NAME = own("orca-pulls")
DIGEST = "sha256:7ff4d46d9f080c0f46536469ebf8eae86ab47d410482ab51e6e905d8a5fc0611"
LARGE = "sha256:6ea8163bf0945815c42d9f43c9135f11ddaac8c7716d7f924e8bc7fb089009d9"
CA = authority("pulls")
TINY, SMOLLM = "tiny-random:latest", "smollm2:135m"
SLOW: dict[str, Any] = {"models": {"mirror": "http://registry:5002"}}


@dataclass
class Pulls:
    """A volume of models, a network with registries, and `ollama-init` between them."""

    engine: docker.DockerClient
    registries: Container

    def settings(self, *models: str, **more: Any) -> Any:
        config = {
            "profile": "development",
            "OLLAMA_VERSION": "local",
            "IMAGE_TAG": "local",
            "OLLAMA_MODELS": list(models),
            "models": {"mirror": "http://registry:5000"},
        }
        return load(NAME, config | more)

    def make(self, *models: str, **more: Any) -> Container:
        """The container of `ollama-init` for these models, made and not started."""
        work = ollama.init(self.settings(*models, **more))
        found = self.engine.containers.list(all=True, filters={"name": f"^/{NAME}-init$"}, ignore_removed=True)
        for old in found:
            old.remove(force=True)
        made = self.engine.containers.create(
            work.image,
            list(work.command),
            name=f"{NAME}-init",
            entrypoint=list(work.entrypoint),
            environment=dict(work.env),
            user=work.user,
            read_only=work.read_only,
            tmpfs=dict(work.tmpfs),
            cap_drop=list(work.capabilities.drop),
            security_opt=list(work.security_options),
            network=NAME,
            mounts=[
                docker.types.Mount(mount.path, f"{NAME}-{'data' if mount.path == ollama.DATA else 'login'}", "volume")
                for mount in work.mounts
            ],
        )
        for files in work.files:
            texts = {name: known(value) or "" for name, value in files.secrets.items()}
            made.put_archive(ollama.SECRETS, archive(texts))
        return made

    def run(self, *models: str, **more: Any) -> dict[str, str]:
        """What `ollama-init` says it has; raises NeedsPerson with its reason where it fails."""
        return self.see(self.make(*models, **more))

    def see(self, container: Container) -> dict[str, str]:
        """The same of a container that is made already, or runs."""
        argument = RunToEnd(container=str(container.name), pids=512, advice="-", release="r")
        found: dict[str, str] = run_to_end(self.engine, argument)
        return found

    def listed(self) -> dict[str, str]:
        """`ollama list` of a server on the volume: name to the first digits of the digest."""
        script = "ollama serve >/dev/null 2>&1 & until ollama list 2>/dev/null; do sleep 0.1; done"
        printed = self.shell(script).splitlines()[1:]
        return {line.split()[0]: line.split()[1] for line in printed}

    def shell(self, script: str) -> str:
        """What a script prints in the place of the serving Ollama."""
        data = docker.types.Mount("/root/.ollama", f"{NAME}-data", "volume")
        said: bytes = self.engine.containers.run(
            images.reference("ollama"),
            ["-c", script],
            entrypoint="/bin/bash",
            environment={"OLLAMA_NOPRUNE": "1"},
            mounts=[data],
            remove=True,
        )
        return said.decode()


@pytest.fixture(scope="module")
def registries(engine: docker.DockerClient) -> Iterator[Container]:
    """The registries of registry/server.py, under the names `registry`, `registry.example` and `hf.example`."""
    sweep(engine, NAME)
    try:
        yield started(engine)
    finally:
        sweep(engine, NAME)


def started(engine: docker.DockerClient) -> Container:
    engine.networks.create(NAME)
    source = docker.types.Mount("/srv/models", f"{NAME}-source", "volume")
    engine.containers.run(images.reference("model-mirror"), ["true"], mounts=[source], remove=True)
    server = engine.containers.create(
        images.reference("api"),
        ["/registry/server.py"],
        name=f"{NAME}-registry",
        entrypoint="python3",
        user="0:0",
        mounts=[docker.types.Mount("/models", f"{NAME}-source", "volume", read_only=True)],
    )
    pair = leaf(CA, "registry.example")
    texts = {
        "server.py": Path(__file__).with_name("registry").joinpath("server.py").read_text(),
        "tls.pem": pair.certificate + pair.key,
    }
    server.put_archive("/", archive({f"registry/{name}": text for name, text in texts.items()}))
    engine.networks.get(NAME).connect(server, aliases=["registry", "registry.example", "hf.example"])
    server.start()
    listening = ["python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 3128))"]
    eventually(lambda: server.exec_run(listening).exit_code == 0, 30, "the registries")
    return server


def archive(texts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def pulls(engine: docker.DockerClient, registries: Container) -> Iterator[Pulls]:
    """With an empty volume."""
    yield Pulls(engine, registries)
    remains = [f"{NAME}-init"]
    for container in engine.containers.list(all=True, filters={"name": f"^/{remains[0]}$"}, ignore_removed=True):
        container.remove(force=True)
    for name in ("data", "login"):
        for volume in engine.volumes.list(filters={"name": f"{NAME}-{name}"}):
            volume.remove(force=True)


NAMES: list[tuple[str, dict[str, Any]]] = [
    # of the library, and with a namespace, from the mirror
    (TINY, {}),
    (f"{TINY}@{DIGEST}", {}),
    (f"library/{TINY}", {}),
    (f"registry.ollama.ai/library/{TINY}", {}),
    ("somebody/tiny-random:latest", {}),
    # with a registry of its own beside the mirror: a port, a host without a dot, the form of Hugging Face
    ("registry:5000/library/tiny-random:latest", {"mirror": None, "plainHttp": ["registry:5000"]}),
    ("hf.example:5000/Some-Body/tiny-random:latest", {"mirror": None, "plainHttp": ["hf.example:5000"]}),
    # from a mirror with a path
    (TINY, {"mirror": "http://registry:5000/team"}),
    # from one that sends blobs from elsewhere
    (TINY, {"mirror": "http://registry:5001"}),
    # by https, from one with a certificate of a private authority
    ("registry.example:5443/library/tiny-random:latest", {"mirror": None, "ca": CA.certificate}),
    # the same through a proxy
    (
        "registry.example:5443/library/tiny-random:latest",
        {"mirror": None, "ca": CA.certificate, "proxy": "http://registry:3128"},
    ),
]


def test_every_form_of_a_name(pulls: Pulls) -> None:
    for name, more in NAMES:
        models = {key: value for key, value in {"mirror": "http://registry:5000", **more}.items() if value}
        shown = Model(name).shown
        assert pulls.run(name, models=models) == {shown: DIGEST}, (name, models)
        assert pulls.listed()[shown] == DIGEST.removeprefix("sha256:")[:12], (name, models)
    eventually(lambda: b"CONNECT registry.example:5443 by 3128" in pulls.registries.logs(), 10, "the proxy's line")


def test_a_proxy_that_asks_for_a_login(pulls: Pulls) -> None:
    """The login is in a file alone: not in what the engine tells of the container, and not in its log."""
    name, password = "registry.example:5443/library/tiny-random:latest", "p@ss:w/rd%"
    models = {"ca": CA.certificate, "proxy": "http://registry:3129"}
    for wrong in ({}, {"proxyLogin": "user:wrong"}):
        with pytest.raises(NeedsPerson, match="the proxy asks for a login"):
            pulls.run(name, models={**models, **wrong})
    made = pulls.make(name, models={**models, "proxyLogin": f"user:{password}"})
    assert pulls.see(made) == {Model(name).shown: DIGEST}
    eventually(lambda: b"CONNECT registry.example:5443 by 3129" in pulls.registries.logs(), 10, "the proxy's line")
    made.reload()
    for said in (json.dumps(made.attrs), made.logs().decode()):
        assert password not in said
        assert "%70%40%73%73" not in said


def test_a_name_with_its_registry_beside_a_mirror(pulls: Pulls) -> None:
    other = "hf.example:5001/somebody/tiny-random:latest"
    models = {"mirror": "http://registry:5000", "plainHttp": ["hf.example:5001"]}
    assert pulls.run(TINY, other, models=models) == {TINY: DIGEST, other: DIGEST}
    assert set(pulls.listed()) == {TINY, other}


def test_two_names_of_one_source(pulls: Pulls) -> None:
    """As on the way from one spelling to the other."""
    other = f"registry:5000/team/{TINY}"
    models = {"mirror": "http://registry:5000/team", "plainHttp": ["registry:5000"]}
    assert pulls.run(TINY, other, models=models) == {TINY: DIGEST, other: DIGEST}
    assert set(pulls.listed()) == {TINY, other}


def test_a_repository_below_a_path_with_a_host_of_its_own(pulls: Pulls) -> None:
    """By docs/model-registry.conf. Without it, Ollama cannot express where the models are, and knows no login."""
    text = (Path(__file__).parents[2] / "docs" / "model-registry.conf").read_text()
    text = re.sub("ssl_certificate.*|listen .*;", "", text).replace("server {", "server { listen 5000;")
    text = text.replace("https://repo.example.com", "http://registry:5007")
    front = pulls.engine.containers.create(images.reference("nginx"), name=f"{NAME}-front", user="0:0")
    try:
        front.put_archive("/", archive({"etc/nginx/nginx.conf": f"events {{}} http {{ {text} }}"}))
        pulls.engine.networks.get(NAME).connect(front, aliases=["front"])
        front.start()
        listening = ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:5000/v2/"]
        eventually(lambda: front.exec_run(listening).exit_code == 0, 30, "the front")
        assert pulls.run(SMOLLM, models={"mirror": "http://front:5000"}) == {SMOLLM: LARGE}
    finally:
        front.remove(force=True)


class TestRefusals:
    """Each names the entry and Ollama's own reason, and leaves the models that were there."""

    @pytest.fixture(autouse=True)
    def served(self, pulls: Pulls) -> Iterator[None]:
        pulls.run(TINY)
        before = pulls.listed()
        yield
        assert pulls.listed() == before

    def test_a_model_that_is_not_there(self, pulls: Pulls) -> None:
        with pytest.raises(
            NeedsPerson, match=r"model 2/2: nobody:1: its registry has no such model \(pull model manifest"
        ):
            pulls.run(TINY, "nobody:1")

    def test_another_digest(self, pulls: Pulls) -> None:
        pinned = f"{SMOLLM}@sha256:{'0' * 64}"
        with pytest.raises(NeedsPerson, match=f"model 1/1: {SMOLLM}: .* has digest {LARGE}, but OLLAMA_MODELS pins"):
            pulls.run(pinned)
        assert "models/blobs" not in pulls.shell("du -m ~/.ollama | awk '$1 > 5 && /blobs/'"), "the wrong one is gone"

    def test_a_registry_that_refuses(self, pulls: Pulls) -> None:
        with pytest.raises(NeedsPerson, match="model 1/1: smollm2:135m: its registry asks for a login"):
            pulls.run(SMOLLM, models={"mirror": "http://registry:5005"})

    def test_a_registry_that_is_not_there(self, pulls: Pulls) -> None:
        with pytest.raises(NeedsPerson, match="smollm2:135m: its registry cannot be reached"):
            pulls.run(SMOLLM, models={"mirror": "http://registry:4999"})

    def test_an_authority_that_is_not_trusted(self, pulls: Pulls) -> None:
        with pytest.raises(NeedsPerson, match=r"smollm2:135m: .*x509: certificate signed by unknown authority"):
            pulls.run("registry.example:5443/library/smollm2:135m", models={})

    def test_blobs_from_another_host(self, pulls: Pulls) -> None:
        with pytest.raises(NeedsPerson, match=r"smollm2:135m: its registry sends blobs from another host"):
            pulls.run("registry.example:5444/library/smollm2:135m", models={"ca": CA.certificate})

    def test_a_registry_that_goes_silent(self, pulls: Pulls) -> None:
        """Ollama asks again and again, and speaks on meanwhile."""
        with pytest.raises(NeedsPerson, match=r"smollm2:135m: nothing has come for 60 s"):
            pulls.run(SMOLLM, models={"mirror": "http://registry:5004"})

    def test_blobs_that_are_damaged(self, pulls: Pulls) -> None:
        with pytest.raises(NeedsPerson, match=r"smollm2:135m: digest mismatch"):
            pulls.run(SMOLLM, models={"mirror": "http://registry:5006"})


def test_what_is_there_stays_while_its_registry_is_away(pulls: Pulls, capfd: pytest.CaptureFixture[str]) -> None:
    """An upgrade or another entry must not wait for a registry that has nothing new."""
    pulls.run(TINY)
    assert pulls.run(TINY, models={"mirror": "http://registry:4999"}) == {TINY: DIGEST}
    assert "the one that is there stays" in capfd.readouterr().err


def test_a_registry_that_breaks_off(pulls: Pulls) -> None:
    assert pulls.run(SMOLLM, models={"mirror": "http://registry:5003"}) == {SMOLLM: LARGE}


def test_a_killed_pull_goes_on_where_it_was(pulls: Pulls, capfd: pytest.CaptureFixture[str]) -> None:
    """`kill -9` in the middle; meanwhile nothing partial is served. The progress has numbers."""
    pulls.run(TINY)
    container = pulls.make(TINY, SMOLLM, **SLOW)
    container.start()
    eventually(lambda: b"MB/s" in container.logs(), 60, "progress")
    container.kill("SIGKILL")
    assert set(pulls.listed()) == {TINY}
    before = int(pulls.shell("du -m ~/.ollama/models/blobs | cut -f1"))
    assert before > 5
    begin = time.monotonic()
    container.start()
    whole = 98 / 10
    assert pulls.see(container) == {TINY: DIGEST, SMOLLM: LARGE}
    assert time.monotonic() - begin < whole - before / 10 + 15
    assert set(pulls.listed()) == {TINY, SMOLLM}
    said = capfd.readouterr().err
    assert "model 2/2: smollm2:135m: " in said
    assert " % of 98 MB, " in said
    assert " s left" in said


def test_a_registry_that_is_killed_and_comes_back(pulls: Pulls) -> None:
    container = pulls.make(SMOLLM, **SLOW)
    container.start()
    eventually(lambda: int(pulls.shell("du -m ~/.ollama | tail -n1 | cut -f1")) > 5, 60, "the pull has begun")
    pulls.registries.kill()
    pulls.registries.start()
    assert pulls.see(container) == {SMOLLM: LARGE}


def test_a_deployer_that_is_killed(pulls: Pulls, capfd: pytest.CaptureFixture[str]) -> None:
    """The pull goes on without it, and the next deployer sees it to its end."""
    container = pulls.make(SMOLLM, **SLOW)
    argument = write(RunToEnd(container=str(container.name), pids=512, advice="-", release="r"))
    step = subprocess.Popen([sys.executable, "-m", "engine", "run"], env={**os.environ, VARIABLE: argument})
    eventually(lambda: b"pulling" in container.logs(), 60, "the pull has begun")
    step.kill()
    step.wait()
    assert pulls.see(container) == {SMOLLM: LARGE}
    assert "is running already" in capfd.readouterr().err


def test_a_full_disk(pulls: Pulls) -> None:
    pulls.engine.volumes.create(
        f"{NAME}-data", driver="local", driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=20m"}
    )
    # A volume in memory lasts as long as a container has it.
    holder = pulls.engine.containers.run(
        images.reference("ollama"),
        ["infinity"],
        entrypoint="sleep",
        name=f"{NAME}-holder",
        mounts=[docker.types.Mount("/root/.ollama", f"{NAME}-data", "volume")],
        detach=True,
    )
    try:
        pulls.run(TINY)
        with pytest.raises(
            NeedsPerson, match=r"model 2/2: smollm2:135m: the volume is full, .* free \(.*no space left"
        ):
            pulls.run(TINY, SMOLLM)
        assert set(pulls.listed()) == {TINY}
        assert int(pulls.shell("df -m ~/.ollama | awk 'END {print $4}'")) > 15, "the partial download is gone"
    finally:
        holder.remove(force=True)


def test_pruning(pulls: Pulls) -> None:
    pulls.run(TINY, SMOLLM)
    assert pulls.run(TINY) == {TINY: DIGEST}
    assert set(pulls.listed()) == {TINY, SMOLLM}, "kept by default"
    assert pulls.run(TINY, ollama={"prune": True}) == {TINY: DIGEST}
    assert set(pulls.listed()) == {TINY}
    assert int(pulls.shell("du -m ~/.ollama/models/blobs | cut -f1")) < 5
