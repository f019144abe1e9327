"""The volumes of a stack, and the files in them.

A read-only container gets its files by a volume. A container that never starts, the carrier, fills that volume. This
works over a remote API, keeps the contents out of `docker inspect`, and recreates no running container when a file
changes: every container that mounts the volume sees the new file at once. A file that is no longer given stays in the
volume.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.former import VOLUMES, former
from components.secrets import sealed, sealed_bytes
from settings import Settings
from settings.scalars import is_text, known
from workloads.release import digest
from workloads.stack import Stack
from workloads.storage import Files, Value, Volume

Contents = Mapping[str, Mapping[str, pulumi.Input[str]]]
"""The name of a volume on the host, to the text of each file by its path inside."""


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """`contents` are files whose texts no workload holds: rendered ones. `kept` are volumes with secrets of containers
    that are not touched: they stay as they are."""

    settings: Settings
    stack: Stack
    images: pulumi.Resource
    contents: Contents = field(default_factory=dict)
    kept: Collection[str] = ()


class Storage(pulumi.ComponentResource):
    """Every volume of the stack, filled.

    Pulumi type `orca:docker:Storage`; makes a `docker.Volume` for each volume, and a carrier, a `docker.Container`, for
    each volume that gets files.
    """

    volumes: Mapping[str, docker.Volume]
    """By the name on the host."""
    carriers: Mapping[str, docker.Container]
    """By the name of the volume that they fill."""
    marks: Mapping[str, pulumi.Input[str]]
    """By the name of the volume, what changes with files that a container reads only once."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:docker:Storage", name, {}, opts)
        self._name, self._args = name, args
        files = {files.volume.name: files for _, files in args.stack.files}  # replicas share theirs
        kept = {name: Files(volume=Volume(name=name)) for name in sorted(args.kept) if name not in files}
        volumes = [*args.stack.volumes, *(found.volume for found in kept.values())]
        self.volumes = {volume.name: self._volume(volume) for volume in volumes}
        self.carriers = {name: self._carrier(found, _ignored(found)) for name, found in files.items()}
        self.carriers |= {name: self._carrier(found, ["*"]) for name, found in kept.items()}
        self.marks = {name: self._mark(found) for name, found in files.items() if found.recreate}
        self.register_outputs({"volumes": list(self.volumes)})

    def _volume(self, volume: Volume) -> docker.Volume:
        key = volume.name.removeprefix(f"{self._args.settings.stack}-")
        return docker.Volume(
            f"{self._name}-{key}",
            name=volume.name,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=volume.keep, aliases=former(VOLUMES, key)),
        )

    def _texts(self, files: Files) -> Mapping[str, pulumi.Input[str]]:
        return {**files.contents, **self._args.contents.get(files.volume.name, {})}

    def _mark(self, files: Files) -> pulumi.Input[str]:
        """A digest of the texts. By one of a secret, its value could be guessed. A new value has a new carrier, so the
        carrier's id does instead."""
        texts = self._texts(files)
        if not files.secrets and all(isinstance(text, str) for text in texts.values()):
            return digest(texts)
        return self.carriers[files.volume.name].id

    def _carrier(self, files: Files, ignored: list[str]) -> docker.Container:
        name = files.volume.name
        return docker.Container(
            f"{self._name}-{name.removeprefix(f'{self._args.settings.stack}-')}-files",
            name=f"{name}-files",
            image=self._args.stack.edge.image,
            command=["true"],
            start=False,
            must_run=False,
            network_mode="none",
            envs=[],
            labels=[],
            volumes=[docker.ContainerVolumeArgs(volume_name=self.volumes[name].name, container_path="/files")],
            uploads=[
                docker.ContainerUploadArgs(file=f"/files/{path}", content=text, permissions=files.mode)
                for path, text in sorted(self._texts(files).items())
            ]
            + [_secret(path, value, files.mode) for path, value in sorted(files.secrets.items())],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self._args.images],
                delete_before_replace=True,
                replace_on_changes=["*"],
                ignore_changes=ignored,
            ),
        )


def _secret(path: str, value: Value, mode: str) -> docker.ContainerUploadArgs:
    """As text where it is one: Pulumi's log has a mask for its own secrets, and does not know their base64."""
    text = known(value)
    if text is None or (is_text(text) and "\0" not in text):
        return docker.ContainerUploadArgs(file=f"/files/{path}", content=sealed(value), permissions=mode)
    return docker.ContainerUploadArgs(file=f"/files/{path}", content_base64=sealed_bytes(text), permissions=mode)


def _ignored(files: Files) -> list[str]:
    """A volume with secrets is filled once: with another image the carrier would write the same files again, under the
    eyes of the containers that run."""
    return ["image"] if files.secrets else []
