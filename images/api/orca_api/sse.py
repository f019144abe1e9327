"""Reads along with a stream of server-sent events while it is passed on."""

import json
from typing import Any

LONGEST_LINE = 1 << 20


class StreamReader:
    """Fed with the raw bytes of a completion in pieces of any size; knows at any time what has come."""

    def __init__(self) -> None:
        self.started = False  # at least one event
        self.done = False  # the end mark `[DONE]`
        self.usage: dict[str, Any] = {}
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""

    def _line(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        self.started = True
        if data == b"[DONE]":
            self.done = True
        elif b'"usage"' in data:
            self.usage = usage(data) or self.usage


def usage(document: bytes) -> dict[str, Any]:
    """The `usage` object of a completion or of one of its chunks; empty if it has none."""
    try:
        value = json.loads(document)
    except ValueError:
        return {}
    found = value.get("usage") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def tokens(usage: dict[str, Any], kind: str) -> int | None:
    """The number of `prompt` or `completion` tokens, where it is told."""
    value = usage.get(f"{kind}_tokens")
    return value if isinstance(value, int) and value > 0 else None
