"""Where a secret's value comes from: a store, and the value's name there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel

StoreName = Literal["doppler", "aws", "vault", "command", "file", "pulumi"]
STORES: tuple[StoreName, ...] = get_args(StoreName)


@dataclass(frozen=True)
class Reference:
    """The value `key` of a store. It stands in the settings until the program has fetched the value."""

    store: StoreName
    key: str


def reference(written: Mapping[str, Any]) -> Reference:
    """Read `{from: <store>, key: <name>}`. Raises ValueError, whose message shows no value."""
    if more := sorted(written.keys() - {"from", "key"}):
        raise ValueError(f"{more[0]} is unknown here; write {{from: <store>, key: <name>}}")
    store, key = written.get("from"), written.get("key")
    if store not in STORES:
        raise ValueError(f"from names no store; it is one of {', '.join(STORES)}")
    if not isinstance(key, str) or not key.strip():
        raise ValueError(f"key must be the value's name in {store}, as a text")
    return Reference(cast(StoreName, store), key)


def references(data: object, above: str = "") -> Iterator[tuple[str, Reference]]:
    """Every reference in a group of settings, with the key where it stands, as `edge.apiKeys.app.keys.0`."""
    inner: Mapping[str, object] = {}
    match data:
        case Reference():
            yield above, data
        case BaseModel():
            inner = {field.alias or name: getattr(data, name) for name, field in type(data).model_fields.items()}
        case dict():
            inner = data
        case tuple():
            inner = {str(index): part for index, part in enumerate(data)}
        case _ if is_dataclass(data):
            for field in fields(data):
                yield from references(getattr(data, field.name), above)
    for key, part in inner.items():
        yield from references(part, f"{above}.{key}" if above else key)
