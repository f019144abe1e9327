"""Lays model files out as a registry that `ollama pull` can read.

    publish.py MODELS.toml SOURCES ROOT

For each model named in MODELS.toml its GGUF file and licence are taken from SOURCES, and the manifest and blobs of the
registry protocol written below ROOT/v2/library/. The bytes depend on nothing but the inputs. Prints one line a model:
its name and the digest of its manifest, which Ollama shows as the digest of the model in `/api/tags`. Exits with 1 if
a digest is not the one expected.
"""

import hashlib
import json
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.ollama.image."

Descriptor = dict[str, str | int]


@dataclass(frozen=True)
class Model:
    """One table of models.toml. `parameters` and `quantisation` are what `/api/tags` shows, `options` a Modelfile's."""

    gguf: str
    gguf_sha256: str
    manifest_sha256: str
    parameters: str
    quantisation: str
    template: str
    options: Mapping[str, Any]
    licence: str | None = None


class Mismatch(Exception):
    """A file or manifest is not the one that models.toml names."""


def compact(value: object) -> bytes:
    """JSON as Ollama itself writes it to disk: the stored manifest then has the digest of the published one."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def descriptor(media_type: str, digest: str, size: int) -> Descriptor:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def small_layers(model: Model, licence: bytes | None) -> list[tuple[str, bytes]]:
    """Media type and content of every layer but the weights, in the order of the manifest."""
    layers = [(LAYER + "template", model.template.encode())]
    if licence is not None:
        layers.append((LAYER + "license", licence))
    return [*layers, (LAYER + "params", compact(model.options))]


def config(model: Model, layers: list[Descriptor]) -> bytes:
    return compact(
        {
            "model_format": "gguf",
            "model_family": "llama",
            "model_families": ["llama"],
            "model_type": model.parameters,
            "file_type": model.quantisation,
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    )


def manifest(model: Model, weights_size: int, licence: bytes | None) -> tuple[bytes, dict[str, bytes]]:
    """The manifest, and the content of each blob but the weights by its hex digest. `weights_size` is in bytes."""
    blobs: dict[str, bytes] = {}

    def store(media_type: str, content: bytes) -> Descriptor:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return descriptor(media_type, digest, len(content))

    layers = [descriptor(LAYER + "model", model.gguf_sha256, weights_size)]
    layers += [store(media_type, content) for media_type, content in small_layers(model, licence)]
    head = store(CONFIG, config(model, layers))
    return compact({"schemaVersion": 2, "mediaType": MANIFEST, "config": head, "layers": layers}), blobs


def expect(what: str, expected: str, content_digest: str) -> None:
    if content_digest != expected:
        raise Mismatch(f"{what} has sha256 {content_digest}, models.toml expects {expected or 'nothing yet'}")


def publish(name: str, model: Model, sources: Path, root: Path) -> str:
    """Writes one model; gives the hex digest of its manifest. Raises Mismatch, or OSError where a source is missing."""
    weights = sources / model.gguf
    with weights.open("rb") as file:
        expect(model.gguf, model.gguf_sha256, hashlib.file_digest(file, "sha256").hexdigest())
    licence = (sources / model.licence).read_bytes() if model.licence else None
    content, blobs = manifest(model, weights.stat().st_size, licence)
    digest = hashlib.sha256(content).hexdigest()
    expect(f"the manifest of {name}", model.manifest_sha256, digest)

    repository, tag = name.split(":")
    place = root / "v2" / "library" / repository
    for folder in ("blobs", "manifests"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, place / "blobs" / f"sha256:{model.gguf_sha256}")
    for blob, data in blobs.items():
        (place / "blobs" / f"sha256:{blob}").write_bytes(data)
    (place / "manifests" / tag).write_bytes(content)
    return digest


def load(text: str) -> Mapping[str, Model]:
    """The models of a models.toml by `name:tag`."""
    return {name: Model(**table) for name, table in tomllib.loads(text).items()}


def main(models: Path, sources: Path, root: Path) -> int:
    try:
        for name, model in load(models.read_text()).items():
            print(f"{name} sha256:{publish(name, model, sources, root)}")
    except (Mismatch, OSError) as problem:
        print(f"publish: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
