"""The Pulumi CLI: the official release if it can be downloaded, else a build from its Go module."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.toolchain import paths, pins, pulumi_built, pulumi_official
from tools.toolchain.progress import Step

Way = Literal["official", "stand-in"]


@dataclass(frozen=True)
class Cli:
    """A usable CLI: its directory (for PATH), its version without a leading `v`, and its origin.

    The official CLI has a Python language host in its directory. A built one has none.
    """

    directory: Path
    version: str
    way: Way

    @property
    def binary(self) -> Path:
        return self.directory / "pulumi"


def find() -> Cli | None:
    """The CLI to use, if there is one. It prefers the user's own to one that the toolchain installed."""
    wanted = pins.pinned("pulumi")
    own = _on_path()
    if own:
        return own
    if pulumi_official.is_ready(wanted):
        return Cli(pulumi_official.location(wanted), wanted, "official")
    built = pulumi_built.find()
    return Cli(built, wanted, "stand-in") if built else None


def ensure(step: Step) -> Cli:
    """The CLI to use. Downloads or builds it if there is none. Raises Problem if it can do neither."""
    found = find()
    if found:
        return found
    wanted = pins.pinned("pulumi")
    if pulumi_official.is_offered(wanted):
        return Cli(pulumi_official.download(wanted, step), wanted, "official")
    return Cli(pulumi_built.build(step), wanted, "stand-in")


def _on_path() -> Cli | None:
    cache = paths.cache()
    places = [place for place in os.get_exec_path() if not Path(place).is_relative_to(cache)]
    binary = shutil.which("pulumi", path=os.pathsep.join(places))
    if binary is None:
        return None
    directory = Path(binary).resolve().parent
    if not (directory / "pulumi-language-python").exists():
        return None
    version = _version(binary)
    if version is None or not is_new_enough(version, pins.pinned("pulumi")):
        return None
    return Cli(Path(binary).parent, version, "official")


def _version(binary: str) -> str | None:
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        asked = subprocess.run(
            [binary, "version"], env=environment, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip().removeprefix("v") or None


def is_new_enough(version: str, wanted: str) -> bool:
    """Whether `version` is of the same major release as `wanted` and not older than its minor release."""
    has, needs = (re.findall(r"\d+", text)[:2] for text in (version, wanted))
    return len(has) == 2 and has[0] == needs[0] and int(has[1]) >= int(needs[1])
