"""Secret values that nobody may see, and the hunt for them wherever something might have written them."""

import base64
import io
import json
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import docker

from tools.lab.stack import SmallStack


def canary() -> str:
    """A value that is long enough for a key, and has characters that URLs and shells would write differently."""
    return f"{secrets.token_hex(16)}/+~{secrets.token_hex(8)}="


def forms(value: str) -> Iterator[bytes]:
    """The value as it is, in a URL, and in base64, wherever in a longer text it begins."""
    yield value.encode()
    yield quote(value, safe="").encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + value.encode())
        # Without the first and the last characters, which depend on what stands around the value.
        yield encoded[4:-4]


def found(values: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Which value is where, by the names of both."""
    return [
        f"{name} in {place}"
        for place, content in places.items()
        for name, value in values.items()
        if any(form in content for form in forms(value))
    ]


def on_engine(stack: SmallStack) -> dict[str, bytes]:
    """What the engine tells and keeps of the stack: of everything in it, its logs, and the edge's rendered files."""
    engine: docker.DockerClient = stack.engine
    everyone = engine.containers.list(all=True, ignore_removed=True)  # others remove theirs meanwhile
    containers = [one for one in everyone if str(one.name).startswith(f"{stack.name}-")]
    places: dict[str, bytes] = {}
    for container in containers:
        attrs = json.loads(json.dumps(container.attrs))
        if "-api-" in str(container.name):  # what is delivered `as: env` is seen there, and nowhere else
            attrs["Config"]["Env"] = []
        places[f"docker inspect {container.name}"] = json.dumps(attrs).encode()
        places[f"docker logs {container.name}"] = container.logs()
    for image in {container.attrs["Image"] for container in containers}:
        places[f"docker inspect {image}"] = json.dumps(engine.images.get(image).attrs).encode()
    for volume in engine.volumes.list():
        places[f"docker inspect volume {volume.name}"] = json.dumps(volume.attrs).encode()
    for path in ("/etc/edge", "/var/lib/edge"):
        chunks, _ = stack.container("nginx").get_archive(path)
        places[f"nginx {path}"] = _unpacked(b"".join(chunks))
    return places


def in_folders(*folders: Path, without: frozenset[Path] = frozenset()) -> dict[str, bytes]:
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file() and file not in without)
    return {str(file): file.read_bytes() for file in files}


@contextmanager
def process_lists() -> Iterator[dict[str, bytes]]:
    """The command lines of all processes that run meanwhile."""
    lines: set[bytes] = set()
    places: dict[str, bytes] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    lines.add(place.read_bytes())
                except OSError:
                    continue
            time.sleep(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield places
    finally:
        done.set()
        thread.join()
        places["process list"] = b"\n".join(lines)


def _unpacked(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        return b"\n".join(file.read() for file in files if file)
