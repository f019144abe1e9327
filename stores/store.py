"""What a store is: one function."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Semaphore, Thread
from typing import TypeVar

from settings.secrets import Secrets

LARGEST = 1024 * 1024
"""Bytes of a value."""
_AT_ONCE = 8
T = TypeVar("T")
R = TypeVar("R")


class StoreError(Exception):
    """A value cannot be had; the message shows neither a value nor a token. `no_access`: the store could not be asked,
    so it is not known whether it has the value."""

    def __init__(self, message: str, *, no_access: bool = False) -> None:
        super().__init__(message)
        self.no_access = no_access


@dataclass(frozen=True)
class Deadline:
    """A moment of `time.monotonic`."""

    at: float

    @property
    def left(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self.at - time.monotonic())


Found = Mapping[str, bytes | StoreError]
"""What a store says to each key that it was asked for."""
Store = Callable[[Secrets, Sequence[str], Deadline], Found]
"""Gives the value of every key, or why there is none. Raises StoreError for a reason that all of them have."""


def each(keys: Sequence[str], get: Callable[[str], bytes]) -> Found:
    """The values of keys that have to be asked for one by one, some at once. `get` may raise StoreError."""

    def outcome(key: str) -> bytes | StoreError:
        try:
            return get(key)
        except StoreError as error:
            return error

    return dict(zip(keys, at_once(outcome, keys), strict=True))


def at_once(do: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results in order. The threads are daemons: one that hangs must not keep the program from ending. Raises what
    the first of the failed ones raised."""
    results: dict[int, R] = {}
    errors: dict[int, Exception] = {}
    free = Semaphore(_AT_ONCE)

    def run(index: int) -> None:
        with free:
            try:
                results[index] = do(items[index])
            except Exception as error:  # whatever it is, the caller gets it: a thread would only print it
                errors[index] = error

    threads = [Thread(target=run, args=[index], daemon=True) for index in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[index] for index in range(len(items))]


def split(key: str) -> tuple[str, str]:
    """`name#field` as its two parts; the field is empty where the key has none."""
    name, _, field = key.partition("#")
    return name, field


def part(value: bytes | StoreError, field: str) -> bytes | StoreError:
    """One field of a value that is a JSON object, as text or else as JSON; the value itself without a field."""
    if not field or isinstance(value, StoreError):
        return value
    try:
        found = json.loads(value)[field]
    except KeyError:
        return StoreError(f"it has no field {field}")
    except (ValueError, TypeError):
        return StoreError("it is no JSON object, so it has no fields; write the key without #")
    if found is None:
        return StoreError("its value is null")
    return encoded(found if isinstance(found, str) else json.dumps(found))


def encoded(text: str) -> bytes | StoreError:
    """A text of a JSON answer. JSON can write half a surrogate pair, which UTF-8 has no bytes for."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return StoreError("its value is no Unicode text: it has half a surrogate pair")


def token(given: str | None, variable: str, setting: str) -> str:
    """A token of the settings or of the environment, without the line end of the file that it was in: a header takes
    none. Raises StoreError when there is none."""
    if found := (given or os.environ.get(variable, "")).strip():
        return found
    raise StoreError(f"there is no token: set {variable}, or {setting} as a Pulumi secret", no_access=True)


def without_line_end(value: bytes) -> bytes:
    """A text without the one line end that editors and commands add; other bytes as they are."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value
    return text.removesuffix("\n").removesuffix("\r").encode()
