"""`mirror`: add a model to the stack's mirror, from an Ollama that has it: for sites without internet.

The files go through the Docker API, blobs first and the manifest last: the mirror has a model whole or not at all.
"""

import hashlib
import json
import tarfile
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from components.stack_file import read_stack
from engine.client import connect, find, say
from engine.errors import Refused, Usage
from rollout.stack import engine_of
from settings import Model
from workloads import mirror as workload
from workloads import ollama

_SPEAK_EVERY = 5  # seconds
_PIECE = 2**20
_MB = 1000**2


class Source(Protocol):
    """Where the files of models are: `read` gives one as a tar archive. Raises KeyError where there is none."""

    def read(self, path: str) -> Iterable[bytes]: ...


def mirror(stack: str, name: str, source: str) -> None:
    """Raises Usage or Refused: for a name that is none, a stack without a mirror, a source without the model."""
    settings = read_stack(stack)
    try:
        model = Model(name)
    except ValueError as error:
        raise Usage(f"{error}. Usage: make mirror MODEL=name:tag [FROM=<folder or container>]") from None
    if not model.from_library:
        raise Refused(f"{model.reference} has a registry of its own; the mirror has models of Ollama's library.")
    client = connect(engine_of(stack))
    server = workload.server(settings)
    if server is None or find(client, server.name) is None:
        raise Refused(
            f"{stack} has no mirror. Set models.mirror to local in Pulumi.{stack}.yaml, and deploy the stack first."
        )
    found = _source(client, source)
    target = client.containers.create(
        server.image,
        ["true"],
        mounts=[docker.types.Mount(workload.ADDED, workload.added(settings).name, "volume")],
        network_mode="none",
    )
    try:
        _copy(found, _InContainer(target, workload.ADDED), model, source)
    finally:
        target.remove()
    say(f"{model.reference} is in the mirror of {stack}: name it in OLLAMA_MODELS, and run `pulumi up`.")


def _source(client: docker.DockerClient, source: str) -> Source:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _InFolder(folder)
    container = None if "/" in source else find(client, source)
    if container is None:
        raise Refused(f"FROM={source} is neither a folder of models nor a container of Ollama. Nothing was changed.")
    return _InContainer(container, f"{ollama.DATA}/models")


def _copy(source: Source, target: "_InContainer", model: Model, named: str) -> None:
    manifest = f"manifests/{model.manifest}"
    try:
        text = _content(source.read(manifest))
    except KeyError:
        raise Refused(f"{named} does not have {model.reference}. Nothing was changed.") from None
    digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
    if model.digest and digest != model.digest:
        raise Refused(f"{named} has {model.reference} with digest {digest}. Nothing was changed.")
    described = json.loads(text)
    layers = {layer["digest"]: layer["size"] for layer in (*described["layers"], described["config"])}
    target.make(("blobs", *map(str, reversed(Path(manifest).parents[:-1]))))
    for number, (layer, size) in enumerate(layers.items(), 1):
        path, title = f"blobs/{layer.replace(':', '-')}", f"file {number}/{len(layers)}: {layer[7:19]}"
        if target.has(path, size):
            say(f"{title} is there already")
            continue
        try:
            target.write("blobs", _told(source.read(path), title, size))
        except KeyError:
            raise Refused(f"{named} has {model.reference} without its file {path}; pull the model again.") from None
    target.write(str(Path(manifest).parent), source.read(manifest))
    say(f"{model.reference} has digest {digest}")


class _InFolder:
    """A folder `models` as Ollama keeps it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> Iterator[bytes]:
        file = self._folder / path
        if not file.is_file():
            raise KeyError(path)
        info = tarfile.TarInfo(file.name)
        info.size, info.mode = file.stat().st_size, 0o644
        return self._archive(file, info)

    @staticmethod
    def _archive(file: Path, info: tarfile.TarInfo) -> Iterator[bytes]:
        yield info.tobuf()
        with file.open("rb") as data:
            while piece := data.read(_PIECE):
                yield piece
        yield bytes(-info.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


class _InContainer:
    """A folder inside a container, which need not run."""

    def __init__(self, container: Container, folder: str) -> None:
        self._container, self._folder = container, folder

    def has(self, path: str, size: int) -> bool:
        try:
            _, stat = self._container.get_archive(f"{self._folder}/{path}")
        except NotFound:
            return False
        return bool(stat and stat["size"] == size)

    def read(self, path: str) -> Iterable[bytes]:
        try:
            return self._container.get_archive(f"{self._folder}/{path}", chunk_size=_PIECE)[0]
        except NotFound:
            raise KeyError(path) from None

    def write(self, folder: str, archive: Iterable[bytes]) -> None:
        put: Any = self._container.put_archive  # it takes a stream, which its types do not say
        put(f"{self._folder}/{folder}", archive)

    def make(self, folders: Iterable[str]) -> None:
        buffer = BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for folder in folders:
                info = tarfile.TarInfo(folder)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
        self._container.put_archive(self._folder, buffer.getvalue())


def _content(archive: Iterable[bytes]) -> bytes:
    with tarfile.open(fileobj=BytesIO(b"".join(archive))) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        return file.read() if file else b""


def _told(pieces: Iterable[bytes], title: str, size: int) -> Iterator[bytes]:
    """The same pieces, with progress now and then."""
    done, spoken = 0, time.monotonic()
    for piece in pieces:
        yield piece
        done += len(piece)
        if time.monotonic() - spoken > _SPEAK_EVERY:
            say(f"{title}: {100 * done // max(1, size)} % of {size // _MB:,} MB")
            spoken = time.monotonic()
