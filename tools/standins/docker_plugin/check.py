"""Check: fill in defaults and names, and report wrong inputs."""

import random
from collections.abc import Iterator
from typing import Any

from tools.standins.docker_plugin.schema import Field, Kind, ResourceType
from tools.standins.protocol.provider import Checked, Naming, Problem, Resource
from tools.standins.protocol.values import DEFAULTS, UNKNOWN, Properties

STAND_IN = "is not supported by this stand-in for pulumi-resource-docker; use the official plugin for it"
# Longest automatic name of the official plugin, and the number of hexadecimal digits at its end.
NAME_LENGTH = 255
SUFFIX_LENGTH = 7


def check(table: ResourceType, resource: Resource, old: Properties, new: Properties, naming: Naming) -> Checked:
    """Inputs with their defaults; `__defaults` lists the defaults. A resource keeps its automatic name."""
    given = {name: value for name, value in new.items() if value is not None and not name.startswith("__")}
    reasons = [_located(reason, resource, path) for reason, path in _refusals(table, given)]
    inputs = {name: _filled(table.by_name.get(name), value) for name, value in given.items()}
    filled = [item.name for item in table.fields if item.default is not None and item.name not in given]
    for name in filled:
        inputs[name] = table.by_name[name].default
    if table.named:
        kept = old.get(table.named) if table.named in old.get(DEFAULTS, []) else None
        if table.named not in given or given[table.named] == kept:
            inputs[table.named] = kept or _name(resource.name, naming)
            filled.append(table.named)
            if not inputs[table.named]:
                reasons.append(_located("automatic names are switched off: give one", resource, table.named))
    return Checked({**inputs, DEFAULTS: sorted(filled)}, [Problem(reason) for reason in reasons])


def _name(logical: str, naming: Naming) -> str:
    if naming.disabled:
        return ""
    if naming.proposed:
        return naming.proposed
    chance = random.Random(naming.seed) if naming.seed else random.SystemRandom()
    suffix = "".join(chance.choices("0123456789abcdef", k=SUFFIX_LENGTH))
    return f"{logical[: NAME_LENGTH - SUFFIX_LENGTH - 1]}-{suffix}"


def _located(reason: str, resource: Resource, path: str) -> str:
    return f"{reason}. {reason}. Examine values at '{resource.name}.{path}'."


def _filled(field: Field | None, value: Any) -> Any:
    """A value with the defaults in its blocks."""
    if field is None or not field.fields or value == UNKNOWN:
        return value
    if isinstance(value, list):
        return [_filled_block(field, item) for item in value]
    return _filled_block(field, value)


def _filled_block(field: Field, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    given = {name: item for name, item in value.items() if item is not None and name != DEFAULTS}
    defaults = {inner.name: inner.default for inner in field.fields if inner.default is not None}
    inners = {inner.name: inner for inner in field.fields}
    return {**defaults, **{name: _filled(inners.get(name), item) for name, item in given.items()}}


def _refusals(table: ResourceType, given: Properties) -> Iterator[tuple[str, str]]:
    for item in table.fields:
        if item.required and item.name not in given and item.name != table.named:
            yield f"missing required input {item.name!r}", item.name
    for name, value in given.items():
        field = table.by_name.get(name)
        if field is None or not field.supported:
            yield f"input {name!r} of {table.token} {STAND_IN}", name
        else:
            yield from _refused(field, name, value, table.token)


def _refused(field: Field, path: str, value: Any, owner: str) -> Iterator[tuple[str, str]]:
    if value == UNKNOWN:
        return
    if not _fits(field.kind, value):
        yield f"{path} must be {field.kind.value}", path
        return
    reason = field.refusal(value) if field.refusal else None
    if reason:
        yield reason, path
    inners = {inner.name: inner for inner in field.fields}
    for block in value if isinstance(value, list) else [value]:
        for name, item in block.items() if inners and isinstance(block, dict) else ():
            # The official plugin has no paths into sets.
            inner_path = path if field.kind is Kind.BLOCK_SET else f"{path}.{name}"
            inner = inners.get(name)
            if item is None or name == DEFAULTS:
                continue
            if inner is None or not inner.supported:
                yield f"input {path}.{name} of {owner} {STAND_IN}", path
            else:
                yield from _refused(inner, inner_path, item, owner)


def _fits(kind: Kind, value: Any) -> bool:
    match kind:
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.INT:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.LIST | Kind.SET:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case Kind.MAP:
            return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        case Kind.BLOCK:
            return isinstance(value, dict)
        case Kind.BLOCK_LIST | Kind.BLOCK_SET:
            return isinstance(value, list) and all(isinstance(item, dict) or item == UNKNOWN for item in value)
