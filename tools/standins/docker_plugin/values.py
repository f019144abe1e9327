"""The form of values in the state: order of sets, empty properties, equality."""

import json
import re
from typing import Any

from tools.standins.docker_plugin.schema import ZERO, Field, Kind
from tools.standins.protocol.values import DEFAULTS, UNKNOWN, Properties


def present(properties: Properties) -> Properties:
    """Without the properties that have no value."""
    return {name: value for name, value in properties.items() if value is not None}


def normal(field: Field, value: Any, zeros: bool = False) -> Any:
    """A value as it stands in the state: sets in their fixed order, blocks in sets with their empty properties.

    zeros: with all empty properties, as after reading; else only strings and collections, as after creating.
    """
    if value == UNKNOWN or value is None:
        return value
    match field.kind:
        case Kind.SET:
            return sorted(dict.fromkeys(value))
        case Kind.BLOCK:
            return _block(field, value, zeros)
        case Kind.BLOCK_LIST:
            return [_block(field, item, zeros) for item in value]
        case Kind.BLOCK_SET:
            return sorted((_block(field, item, zeros) for item in value), key=lambda item: _order(field, item))
        case _:
            return value


def _block(field: Field, value: Any, zeros: bool) -> Any:
    if value == UNKNOWN:
        return value
    filled = {Kind.LIST, Kind.SET}
    if field.kind is Kind.BLOCK_SET:
        filled = set(ZERO) if zeros else {Kind.STRING, Kind.LIST, Kind.SET, Kind.BLOCK_SET}
    found = {}
    for inner in field.fields:
        item = normal(inner, value.get(inner.name), zeros)
        if item is None:
            item = inner.initial
        if item is None and inner.kind in filled:
            item = ZERO[inner.kind]
        found[inner.name] = item
    return present(found)


def complete(field: Field, item: Any) -> bool:
    """Whether the state has a block of a set exactly as the program wrote it."""
    plain = {name: value for name, value in item.items() if name != DEFAULTS}
    return bool(_block(field, plain, zeros=False) == plain)


def essence(field: Field, value: Any) -> Any:
    """A form that is the same for equal values: no order in sets, no empty properties."""
    if value is None or value == UNKNOWN:
        return value
    match field.kind:
        case Kind.SET:
            return sorted(set(value))
        case Kind.BLOCK:
            return _block_essence(field, value)
        case Kind.BLOCK_LIST:
            return [_block_essence(field, item) for item in value]
        case Kind.BLOCK_SET:
            return sorted((_block_essence(field, item) for item in value), key=lambda item: _order(field, item))
        case _:
            return value


def _block_essence(field: Field, value: Any) -> Any:
    if value == UNKNOWN:
        return value
    found = {inner.name: essence(inner, value.get(inner.name)) for inner in field.fields}
    return {inner.name: found[inner.name] for inner in field.fields if found[inner.name] not in (None, inner.zero)}


def _order(field: Field, item: Any) -> str:
    """The text by which blocks in a set are sorted: their properties by name, absent ones last.

    This is the order of go-cty (cty/set_internals.go), which the official plugin inherits from Terraform's SDK.
    """
    if not isinstance(item, dict):
        return json.dumps(item)
    inners = sorted(field.fields, key=lambda inner: _snake(inner.name))
    return "".join(_text(item.get(inner.name), inner) + ";" for inner in inners)


def _text(value: Any, field: Field) -> str:
    if value is None:
        return {Kind.BLOCK: "[]", Kind.MAP: "{}"}.get(field.kind, "~")
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return "[" + "".join(json.dumps(item, sort_keys=True) + ";" for item in value) + "]"
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)
