"""A file of the machine that runs Pulumi; the key is its path, from the project's folder. One line end is left out."""

from collections.abc import Sequence
from pathlib import Path

from settings.secrets import Secrets
from stores.store import LARGEST, Deadline, Found, StoreError, each, without_line_end


def fetch(_secrets: Secrets, keys: Sequence[str], _deadline: Deadline) -> Found:
    return each(keys, _content)


def _content(key: str) -> bytes:
    try:
        with Path(key).expanduser().open("rb") as file:
            return without_line_end(file.read(LARGEST + 2))
    except FileNotFoundError:
        raise StoreError("there is no such file", no_access=True) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise StoreError(f"it cannot be read: {getattr(error, 'strerror', error)}", no_access=True) from None
