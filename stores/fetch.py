"""All secret values of a stack, from all its stores at once."""

import queue
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from pydantic import SecretStr

from settings.references import Reference, StoreName
from settings.secrets import Secrets
from stores.store import LARGEST, Deadline, Found, StoreError

_GRACE = 1.0  # seconds behind the deadline for a store to say itself that its time is over


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """`values` by their references, in which bytes that are not UTF-8 are lone surrogates (PEP 383); `problems` are the
    others."""

    values: Mapping[Reference, SecretStr] = field(default_factory=dict)
    problems: Mapping[Reference, StoreError] = field(default_factory=dict)


def fetch(secrets: Secrets, wanted: Iterable[Reference]) -> Fetched:
    """Ask every store that is wanted, each in a thread of its own, and wait no longer than `secrets.timeout`."""
    keys: dict[StoreName, list[str]] = {}
    for reference in dict.fromkeys(wanted):
        keys.setdefault(reference.store, []).append(reference.key)
    deadline = Deadline(time.monotonic() + secrets.timeout)
    answers: queue.Queue[tuple[StoreName, Found]] = queue.Queue()

    def ask(store: StoreName) -> None:
        answers.put((store, _ask(secrets, store, keys[store], deadline)))

    for store in keys:
        # A daemon: one that hangs must not keep the program from ending.
        threading.Thread(target=ask, args=[store], daemon=True).start()
    found: dict[StoreName, Found] = {}
    while len(found) < len(keys):
        try:
            store, answer = answers.get(timeout=deadline.left + _GRACE)
        except queue.Empty:
            break
        found[store] = answer
    late = StoreError(f"it did not answer within secrets.timeout ({secrets.timeout} s)", no_access=True)
    outcomes = {
        Reference(store, key): _checked(found.get(store, {}).get(key, late))
        for store, asked in keys.items()
        for key in asked
    }
    return Fetched(
        values={
            reference: SecretStr(value.decode(errors="surrogateescape"))
            for reference, value in outcomes.items()
            if isinstance(value, bytes)
        },
        problems={reference: error for reference, error in outcomes.items() if isinstance(error, StoreError)},
    )


def _ask(secrets: Secrets, store: StoreName, keys: list[str], deadline: Deadline) -> Found:
    """The store's module, and with it its library, is imported only now."""
    try:
        answer: Found = import_module(f"stores.{store}").fetch(secrets, keys, deadline)
        return answer
    except StoreError as error:
        return dict.fromkeys(keys, error)
    except Exception as error:  # whatever it is: its text may hold a value
        unknown = StoreError(f"asking it failed ({type(error).__name__})", no_access=True)
        return dict.fromkeys(keys, unknown)


def _checked(value: bytes | StoreError) -> bytes | StoreError:
    if isinstance(value, StoreError):
        return value
    if not value:
        return StoreError("its value is empty")
    if len(value) > LARGEST:
        return StoreError(f"its value is larger than {LARGEST // 1024} KiB")
    return value
