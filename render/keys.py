"""The API keys of the edge as its configuration knows them: by their digests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from settings.keys import ApiKey


@dataclass(frozen=True, kw_only=True)
class Keys:
    """`digests`: SHA-256 in hex, and the id that it belongs to. `confined`: ids that have paths of their own."""

    required: bool
    digests: tuple[tuple[str, str], ...]
    confined: tuple[tuple[str, tuple[str, ...]], ...]


def keys(configured: Mapping[str, ApiKey] | None) -> Keys:
    found = configured or {}
    return Keys(
        required=configured is not None,
        digests=tuple(
            (hashlib.sha256(value.get_secret_value().encode()).hexdigest(), key_id)
            for key_id, key in found.items()
            for value in key.keys
            if value
        ),
        confined=tuple((key_id, key.paths) for key_id, key in found.items() if key.paths),
    )
