"""What a container keeps and reads: volumes, paths of the host, and the files that the program writes into a volume."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from settings.references import Reference

Value = SecretStr | Reference | None
"""A secret: fetched; not fetched, in a preview with placeholders; or still encrypted, where Pulumi does not run."""
NEWER = {"newer": True}
"""Marks a field that workloads of earlier versions did not have: without a value it is no part of a release's id."""


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A named volume, by its full name on the host. `keep`: the volume stays when the stack is destroyed."""

    name: str
    keep: bool = field(default=False, compare=False)  # to a container, the volume is the same


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A volume at a path of the container."""

    volume: Volume
    path: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class HostPath:
    """A path of the host that the container sees, read-only, under `path`."""

    host: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files in a volume of the container, owned by root. They are there before the container starts.

    `contents` maps a path inside the volume to its text. It is empty where `render/` gives the texts. `mode` is octal,
    as `0444`. `recreate`: the process reads them once, so a changed file recreates the container. A volume with
    `secrets`, by path, is filled once: other values go into a volume with another name.
    """

    volume: Volume
    contents: Mapping[str, str] = field(default_factory=dict)
    mode: str = "0444"
    secrets: Mapping[str, Value] = field(default_factory=dict, compare=False, repr=False)
    recreate: bool = field(default=False, metadata=NEWER)
