"""What a run makes on the Docker engine. Every name begins with `PREFIX`, so everything can be found and removed."""

import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import BuildError
from docker.types import Ulimit

from certificates.pem import Pair
from certificates.self_signed import authority, leaf
from engine.client import execute
from settings.edge import Edge
from tools.benchmarks.failed import Failed
from tools.lab import sweep as lab
from tools.lab.place import place
from tools.toolchain import base_image
from tools.toolchain.images import PASSED_ON
from tools.toolchain.progress import Progress

PLACE = place("bench")
STACK = PLACE.name
PREFIX = f"{STACK}-"
EDGE_NETWORK = f"{PREFIX}edge"
NGINX_VERSION = "nginx -v 2>&1 | tr / ' ' | cut -d ' ' -f 3-"
"""The shell line that prints it."""
PORTS = range(18600, 18621)
"""Loopback ports that a run may publish."""


@dataclass(frozen=True, kw_only=True)
class Backends:
    """The two colours: their addresses on the Docker network `network`, and blue's for this machine."""

    network: str
    blue: str
    green: str
    direct: str


def cores() -> int:
    return os.cpu_count() or 1


def certificate(folder: Path) -> tuple[Pair, Path]:
    """A certificate of the kind that a stack's edge has, and the file of its CA."""
    ca = authority(STACK)
    file = folder / "ca.pem"
    file.write_text(ca.certificate)
    return leaf(ca, "localhost"), file


def build(engine: docker.DockerClient, folder: Path, name: str) -> str:
    """Build the image of a folder on the base image that all images of this project are built on."""
    arguments = {"DEBIAN": base_image.ensure(Progress().step("base image"))}
    arguments |= {key: os.environ[key] for key in PASSED_ON if os.environ.get(key)}
    try:
        engine.images.build(path=str(folder), tag=f"{name}:1", rm=True, forcerm=True, buildargs=arguments)
    except BuildError as error:
        said = "".join(str(line.get("stream", "")) for line in error.build_log)[-2000:]
        raise Failed(f"The image of {folder.name} cannot be built: {error}\n{said}") from None
    return f"{name}:1"


def start(
    engine: docker.DockerClient,
    name: str,
    image: str,
    files: Mapping[str, str],
    folder: str,
    *,
    port: int,
    backends: Backends,
    owner: int = 0,
) -> None:
    """Run a proxy: port 8443 of its container on loopback, `files` in its `folder`, and what a stack's edge may use."""
    limits = Edge()
    container = engine.containers.create(
        image,
        name=name,
        network=EDGE_NETWORK,
        ports={"8443/tcp": ("127.0.0.1", port)},
        nano_cpus=cores() * 10**9,
        mem_limit=limits.memory,
        pids_limit=limits.pids,
        ulimits=[Ulimit(name="nofile", soft=20000, hard=20000)],
    )
    engine.networks.get(backends.network).connect(container)
    container.put_archive(folder, _archive(files, owner))
    container.start()


def address(engine: docker.DockerClient, name: str, network: str) -> str:
    """The address of a container on a network."""
    found = engine.containers.get(name).attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    return str(found)


def printed(engine: docker.DockerClient, name: str, script: str) -> str:
    """What a shell line prints in a container."""
    return execute(engine.containers.get(name), ["sh", "-c", script]).stdout.strip()


def found(engine: docker.DockerClient) -> list[str]:
    """The names of all that a run makes, as far as it is there."""
    return lab.left(engine, PREFIX) + lab.tags(engine, PREFIX)


def sweep(engine: docker.DockerClient) -> None:
    """Remove everything that a run makes; what is gone already is no error."""
    lab.sweep(engine, PREFIX)
    lab.sweep_images(engine, PREFIX)


def _archive(files: Mapping[str, str], owner: int) -> bytes:
    """A tar archive of files and the folders that they are in."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in sorted({str(Path(name).parent) for name in files} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, owner, owner
            archive.addfile(entry)
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(text.encode()), 0o644, owner, owner
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
