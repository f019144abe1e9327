"""Property paths as the engine writes them: `envs[0]`, `environment.V`, `options["a.b"]`; and plain comparison."""

import re
from collections.abc import Iterator
from typing import Any

from tools.standins.protocol.provider import Change, Kind

_PLAIN_KEY = re.compile(r"[a-zA-Z_$][a-zA-Z0-9_$]*")


def key(path: str, name: str) -> str:
    """The path of an entry of an object."""
    if not _PLAIN_KEY.fullmatch(name):
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def index(path: str, number: int) -> str:
    """The path of an element of a list."""
    return f"{path}[{number}]"


def compare(path: str, old: Any, new: Any) -> Iterator[Change]:
    """All differences between two values, at the deepest paths. None means absent."""
    if old == new:
        return
    if old is None or new is None:
        yield Change(path, Kind.ADD if old is None else Kind.DELETE)
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from compare(key(path, name), old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            left, right = (items[number] if number < len(items) else None for items in (old, new))
            yield from compare(index(path, number), left, right)
    else:
        yield Change(path, Kind.UPDATE)
