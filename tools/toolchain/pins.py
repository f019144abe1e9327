"""Reads the pinned versions from requirements.txt, so that each version is written once."""

import re

from tools.toolchain import paths

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>\S+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Package name (lower case, with `-`) to version, for every `name==version` line of a requirements file."""
    return {pin["name"].lower().replace("_", "-"): pin["version"] for pin in _PIN.finditer(text)}


def pinned(package: str) -> str:
    """The version of a package in requirements.txt; KeyError if it is not there."""
    return pins((paths.CHECKOUT / "requirements.txt").read_text(encoding="utf-8"))[package]
