"""Files for read-only containers: a volume that a never-started container fills.

It works over a remote API, keeps contents out of `docker inspect`, and replaces no running container when a file
changes: readers see the new file at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class FilesArgs:
    """`files` maps a path inside the volume to its text; `mode` is octal, as `0444`. `image` is any local image.

    `carrier` and `volume` are names on the host. Files of a version that is no longer given stay in the volume.
    """

    volume: str
    carrier: str
    image: str
    files: Mapping[str, pulumi.Input[str]]
    mode: str = "0444"


class Files(pulumi.ComponentResource):
    """A volume with files in it, all owned by root.

    Pulumi type `orca:docker:Files`; makes a `docker.Volume` and the carrier, a `docker.Container`.
    """

    volume: docker.Volume
    carrier: docker.Container

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:docker:Files", name, {}, opts)
        self.volume = docker.Volume(f"{name}-volume", name=args.volume, opts=pulumi.ResourceOptions(parent=self))
        self.carrier = docker.Container(
            f"{name}-carrier",
            name=args.carrier,
            image=args.image,
            command=["true"],
            start=False,
            must_run=False,
            network_mode="none",
            envs=[],
            labels=[],
            volumes=[docker.ContainerVolumeArgs(volume_name=self.volume.name, container_path="/files")],
            uploads=[
                docker.ContainerUploadArgs(file=f"/files/{path}", content=text, permissions=args.mode)
                for path, text in sorted(args.files.items())
            ],
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True, replace_on_changes=["*"]),
        )
        self.register_outputs({"volume": self.volume.name})
