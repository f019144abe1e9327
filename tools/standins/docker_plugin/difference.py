"""Compares the state with checked inputs, by the tables: what an update or a replacement would change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.standins.docker_plugin.planning import awaited
from tools.standins.docker_plugin.schema import Effect, Field, Kind, ResourceType
from tools.standins.docker_plugin.values import complete, essence
from tools.standins.protocol import paths, provider
from tools.standins.protocol.provider import Change, Difference
from tools.standins.protocol.values import DEFAULTS, UNKNOWN, Properties

ADD, DELETE, UPDATE = provider.Kind.ADD, provider.Kind.DELETE, provider.Kind.UPDATE


def difference(table: ResourceType, state: Properties, inputs: Properties) -> Difference:
    """All differences. The old object is deleted first if the program chose its name."""
    changes: list[Change] = []
    for field in table.fields:
        if field.computed and awaited(field, state) and inputs.get(field.name) is None:
            changes.append(_change(field, field.name, ADD))
        else:
            changes += _compare(field, field.name, state.get(field.name), inputs.get(field.name))
    changes += [Change(item.name, ADD) for item in table.outputs if item.tracked and state.get(item.name) is None]
    chosen = table.named is not None and table.named not in inputs.get(DEFAULTS, [])
    changed = {change.property for change in changes}
    stable = [item.name for item in table.fields if item.effect is Effect.REPLACE and item.name not in changed]
    return Difference(changes, table.always_delete_first or chosen, stable)


def _change(field: Field, path: str, kind: provider.Kind) -> Change:
    return Change(path, kind, replace=field.effect is Effect.REPLACE)


def _compare(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    if field.blank_is_absent and new == "":
        new = None
    if new is None and (field.computed or field.blank_is_absent):
        return
    if new == UNKNOWN:
        yield _change(field, path, UPDATE if old else ADD)
        return
    match field.kind:
        case Kind.LIST | Kind.BLOCK_LIST:
            yield from _compare_lists(field, path, old or [], new or [])
        case Kind.SET | Kind.BLOCK_SET:
            yield from _compare_sets(field, path, old or [], new or [])
        case Kind.MAP:
            yield from _compare_maps(field, path, old or {}, new or {})
        case Kind.BLOCK:
            yield from _compare_blocks(field, path, old, new)
        case _:
            yield from _compare_scalars(field, path, old, new)


def _compare_scalars(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    left, right = (field.zero if value is None else value for value in (old, new))
    if left == right:
        return
    gone = new is None and field.initial is None
    yield _change(field, path, DELETE if gone else ADD if old is None else UPDATE)


def _compare_blocks(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None or new is None:
        if old != new:
            yield _change(field, path, ADD if old is None else DELETE)
        return
    for inner in field.fields:
        yield from _compare(inner, paths.key(path, inner.name), old.get(inner.name), new.get(inner.name))


def _compare_maps(field: Field, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if new and not old:
        yield _change(field, path, ADD)
        return
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            kind = ADD if name not in old else DELETE if name not in new else UPDATE
            yield _change(field, paths.key(path, name), kind)


def _compare_lists(field: Field, path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    if not old or not new:
        if old or new:
            yield _change(field, path, DELETE if old else ADD)
        return
    if field.match:
        old = _in_order_of(field, old, new)
    for number in range(max(len(old), len(new))):
        left, right = (items[number] if number < len(items) else None for items in (old, new))
        yield from _compare_elements(field, paths.index(path, number), left, right)


def _in_order_of(field: Field, old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """The old elements, each at the place of the new one that has the same `match` properties.

    The official plugin looks for the first such element alone. Where several have the same properties, it compares the
    lists as they are.
    """
    keys = [tuple(item.get(name) for name in field.match) for item in new]
    if len(set(keys)) < len(keys):
        return list(old)
    left = list(old)
    ordered: list[Any] = []
    for item in new:
        same = [other for other in left if all(other.get(name) == item.get(name) for name in field.match)]
        ordered.append(same[0] if same else None)
        if same:
            left.remove(same[0])
    return [left.pop(0) if item is None and left else item for item in ordered] + left


def _compare_elements(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None or new is None:
        yield _change(field, path, ADD if old is None else DELETE)
    elif field.fields and UNKNOWN not in (old, new):
        yield from _compare_blocks(field, path, old, new)
    elif old != new:
        yield _change(field, path, UPDATE)


def _compare_sets(field: Field, path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    """Compare elements by their whole value. An old and a new element at the same index are one changed element."""
    olds, news = ([essence(field, [item]) for item in items] for items in (old, new))
    removed = {number for number, item in enumerate(olds) if item not in news}
    added = {number for number, item in enumerate(news) if item not in olds}
    if not removed and not added:
        return
    if not old or not new:
        yield _change(field, path, DELETE if old else ADD)
        return
    changes: list[Change] = []
    for number in sorted(removed | added):
        left = old[number] if number in removed else None
        right = new[number] if number in added else None
        changes += _compare_elements(field, paths.index(path, number), left, right)
    if field.kind is Kind.BLOCK_SET and any(item == UNKNOWN or not complete(field, item) for item in new):
        yield Change(path, UPDATE, replace=any(change.replace for change in changes))
    else:
        yield from changes
