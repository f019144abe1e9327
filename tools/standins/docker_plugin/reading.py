"""Makes the state and the inputs of a resource from the engine's report."""

from collections.abc import Iterator
from typing import Any

from tools.standins.docker_plugin.schema import COLLECTIONS, ZERO, Body, Field, Kind, ResourceType
from tools.standins.docker_plugin.values import essence, normal, present
from tools.standins.protocol.values import Properties, known


def read(table: ResourceType, identity: str, found: Body, state: Properties) -> Properties:
    """All outputs. An output that the engine does not report keeps its value in `state`."""
    outputs: Properties = {"id": identity}
    for field in table.fields:
        outputs[field.name] = _read(field, found, known(state.get(field.name)))
    for output in table.outputs:
        value = output.read(found)
        outputs[output.name] = known(state.get(output.name)) if value is None else value
    return present(outputs)


def _read(field: Field, found: Body, old: Any) -> Any:
    value = field.route.read(found) if field.route.read else None
    if value is None and not (field.route.read and field.kind in COLLECTIONS):
        value = old
    elif hidden := {inner.name for inner in field.fields if inner.only_if_given}:
        value = _as_given(field.fields[0].name, hidden, value or [], old or [])
    if value is None:
        return ZERO[field.kind] if field.kind in COLLECTIONS else field.initial
    return normal(field, value, zeros=True)


def _as_given(key: str, hidden: set[str], value: list[Any], old: list[Any]) -> list[Any]:
    """Without those properties in `hidden` that the block of the same `key` in the state has not."""
    given = {(item[key], name) for item in old for name in hidden if item.get(name)}
    return [
        {name: part for name, part in item.items() if name not in hidden or (item[key], name) in given}
        for item in value
    ]


def inputs_of(table: ResourceType, outputs: Properties, old: Properties) -> Properties:
    """The inputs that would lead to these outputs: the inputs of `old`, or all relevant inputs if `old` is empty."""
    if not old:
        shown = (field for field in table.fields if not field.computed or field.required)
        given = {field.name: outputs.get(field.name) for field in shown}
        return {name: value for name, value in given.items() if value not in (None, table.by_name[name].zero)}
    inputs = {}
    for name, value in old.items():
        field = table.by_name.get(name)
        inputs[name] = _shaped(field, value, outputs.get(name)) if field else value
    return inputs


def _shaped(field: Field, old: Any, value: Any) -> Any:
    """The value in the state, with those properties in its blocks that the program sets."""
    if value is None:
        return old
    match field.kind:
        case Kind.BLOCK:
            return _shaped_block(field, old, value)
        case Kind.BLOCK_LIST:
            return [_shaped_block(field, left, right) for left, right in _aligned(old, value)]
        case Kind.BLOCK_SET:
            return [_shaped_block(field, left, right) for left, right in _matched(field, old, value)]
        case _:
            return value


def _shaped_block(field: Field, old: Any, value: Any) -> Any:
    wanted = [inner for inner in field.fields if inner.name in (old or value) and inner.name in value]
    return {inner.name: _shaped(inner, (old or {}).get(inner.name), value[inner.name]) for inner in wanted}


def _aligned(old: list[Any], value: list[Any]) -> Iterator[tuple[Any, Any]]:
    for number, item in enumerate(value):
        yield (old[number] if number < len(old) else None), item


def _matched(field: Field, old: list[Any], value: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Equal blocks in the order of the program, then the others."""
    left = list(value)
    for item in old:
        for candidate in left:
            if essence(field, [item]) == essence(field, [candidate]):
                left.remove(candidate)
                yield item, candidate
                break
    for item in left:
        yield None, item
