"""Builds the images of the small backend."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import docker

from tools.lab import go

SOURCE = Path(__file__).parent
_NO_START = 'FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/missing"]\n'


def build(engine: docker.DockerClient, repository: str) -> str:
    """Build `repository:1`, `:2` whose versions end in "b", and `:no-start`, whose program is missing; returns the
    repository."""
    with TemporaryDirectory() as folder:
        go.build(SOURCE, Path(folder) / "backend")
        shutil.copy(SOURCE / "Dockerfile", folder)
        (Path(folder) / "Dockerfile.no-start").write_text(_NO_START)
        engine.images.build(path=folder, tag=f"{repository}:1", rm=True)
        engine.images.build(path=folder, tag=f"{repository}:2", rm=True, buildargs={"BUILD": "b"})
        engine.images.build(path=folder, dockerfile="Dockerfile.no-start", tag=f"{repository}:no-start", rm=True)
    return repository
