"""The collector by itself: lines as the engine writes them go in, a store that speaks a sink's protocol gets them."""

import io
import json
import secrets
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from images import reference
from render import monitoring
from settings import load
from settings.scalars import known
from tools.lab.place import own
from tools.lab.wait import eventually
from workloads import collector, images

NAME = own("collect")
OWN: dict[str, Any] = {"sinks": {"otlp": {"url": "http://store:9428/insert/opentelemetry/v1/logs"}}}


def archive(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text.encode()), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return held.getvalue()


class Collecting:
    """A collector with a stack's configuration, and a store where the sinks are."""

    def __init__(self, engine: docker.DockerClient, logging: dict[str, Any], **more: Any) -> None:
        self.engine = engine
        base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
        sinks = {"victorialogs": "off", **logging["sinks"]}
        settings = load(NAME, {**base, "monitoring": "off", "logging": {"sinks": sinks}, **more})
        text = monitoring.render(settings)[collector.config(settings).name]["collector.yml"]
        keys = monitoring.secrets(settings)[collector.secrets(settings).name]
        engine.networks.create(NAME)
        engine.volumes.create(NAME)
        self.store = self._made(reference("victorialogs"), "store", "/victoria-logs-prod", "-storageDataPath=/tmp/logs")
        self.store.start()
        work = collector.agent(settings)
        assert work is not None
        self.collector = self._made(images.collector(settings), "it", *work.entrypoint, *work.command)
        files = {
            f"{collector.CONFIG}/collector.yml": text.replace(collector.listen(settings), "127.0.0.1"),
            **{f"{collector.SECRETS}/{name}": known(value) or "" for name, value in keys.items()},
        }
        self.collector.put_archive("/", archive(files))

    def _made(self, image: str, name: str, entrypoint: str, *command: str) -> Container:
        data = docker.types.Mount(collector.DATA, NAME, "volume")
        made = self.engine.containers.create(
            image,
            list(command),
            entrypoint=[entrypoint],
            name=f"{NAME}-{name}",
            user="0:0",
            mounts=[data] if name == "it" else [],
        )
        self.engine.networks.get(NAME).connect(made, aliases=[name])
        return made

    def write(self, file: str, *lines: dict[str, str]) -> None:
        """Lines of the edge's access log, as the engine has them on its disk."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        records = [
            {"log": json.dumps(line) + "\n", "stream": "stdout", "attrs": {"tag": f"{NAME}-nginx"}, "time": f"{now}.5Z"}
            for line in lines
        ]
        text = "".join(f"{json.dumps(record)}\n" for record in records)
        self.collector.put_archive("/", archive({f"{collector.LOGS}/{file}/{file}-json.log": text}))

    def found(self, query: str) -> list[dict[str, Any]]:
        asked = ["wget", "-q", "-O", "-", "--post-data", f"query={query}", "http://127.0.0.1:9428/select/logsql/query"]
        done: Any = self.store.exec_run(asked, stderr=False)
        return [json.loads(line) for line in done.output.decode().splitlines()]

    def shell(self, script: str) -> str:
        """What a script prints on the collector's volume, which is its working directory."""
        said: bytes = self.engine.containers.run(
            reference("nginx"),
            ["-c", script],
            entrypoint=["sh"],
            user="0:0",
            network_mode="none",
            working_dir="/data",
            mounts=[docker.types.Mount("/data", NAME, "volume")],
            remove=True,
        )
        return said.decode()

    def close(self) -> None:
        for made in (self.collector, self.store):
            made.remove(force=True, v=True)
        self.engine.networks.get(NAME).remove()
        self.engine.volumes.get(NAME).remove()


@pytest.fixture
def collecting(engine: docker.DockerClient) -> Iterator[Collecting]:
    made = Collecting(engine, OWN)
    yield made
    made.close()


def requests(number: int) -> list[dict[str, str]]:
    return [{"kind": "access", "request_id": secrets.token_hex(8), "status": "200"} for _ in range(number)]


def arrive(collecting: Collecting, lines: list[dict[str, str]], also: str = "") -> None:
    """Wait until the store has each line, found by container and request."""
    for line in lines:
        query = f'container.name:="{NAME}-nginx" request_id:="{line["request_id"]}"{also}'
        eventually(lambda query=query: bool(collecting.found(query)), 30, query)  # type: ignore[misc]


# What a host that loses its power may leave of files that nobody has waited for, and what the collector then ends with.
DAMAGE = {
    "empty": ("truncate -s 0 *", ""),
    "zeros": ("for f in *; do dd if=/dev/zero of=$f bs=4096 seek=2 count=6 conv=notrunc; done", "panic: "),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_notes(collecting: Collecting, damage: str, said: str) -> None:
    """It begins new ones, or says why it cannot, and the commands of docs/runbooks/TargetDown.md help; it delivers."""
    collecting.collector.start()
    before, after = requests(2), requests(2)
    collecting.write("a", *before)
    arrive(collecting, before)
    collecting.collector.kill()
    collecting.shell(damage)
    begin = time.time()
    collecting.collector.start()
    if said:
        collecting.collector.wait(timeout=30)
        assert said in collecting.collector.logs(since=int(begin)).decode()
        collecting.shell("rm -f ./*")
        collecting.collector.start()
    collecting.write("b", *after)
    arrive(collecting, after)
