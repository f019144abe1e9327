"""The API keys of the edge as digests, which is all that nginx's configuration holds of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from settings.keys import ApiKey
from settings.scalars import known


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`digests`: SHA-256 of a key in hex, and the key's id. `confined`: an id and the only paths that it may use.

    `required` is false if the edge needs no key.
    """

    required: bool
    digests: tuple[tuple[str, str], ...]
    confined: tuple[tuple[str, tuple[str, ...]], ...]


def keys(configured: Mapping[str, ApiKey] | None) -> Keys:
    found = configured or {}
    return Keys(
        required=configured is not None,
        digests=tuple(
            (hashlib.sha256(text.encode()).hexdigest(), key_id)
            for key_id, key in found.items()
            for value in key.keys
            if (text := known(value))
        ),
        confined=tuple((key_id, key.paths) for key_id, key in found.items() if key.paths),
    )
