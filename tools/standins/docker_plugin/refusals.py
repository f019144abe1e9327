"""Checks of single values: each returns what is wrong, in the official plugin's words, or None."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from tools.standins.docker_plugin import durations

Refusal: TypeAlias = Callable[[Any], str | None]


def pattern(expression: str) -> Refusal:
    """Texts that a regular expression does not match."""

    def refuse(value: Any) -> str | None:
        return None if re.search(expression, value) else f"'{value}' doesn't match the pattern '{expression}'"

    return refuse


def below(least: int) -> Refusal:
    """Numbers that are too small."""
    return lambda value: f"'{value}' cannot be lower than {least}" if value < least else None


def no_duration(value: str) -> str | None:
    """Texts that are no duration."""
    try:
        durations.parse(value)
    except ValueError:
        return f"'{value}' is not a valid duration"
    return None


def no_base64(value: str) -> str | None:
    """Texts that are not base64."""
    return None if re.fullmatch(r"[A-Za-z0-9+/\s]*={0,2}\s*", value) else "the value is not base64-encoded"


def no_path(value: str) -> str | None:
    """Host paths that are not absolute."""
    return None if re.match(r"^[a-zA-Z]:\\|^/", value) else f"'{value}' must be an absolute path"
