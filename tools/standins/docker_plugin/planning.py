"""The state a resource will have, from its inputs and (for an update) its state now."""

from typing import Any

from tools.standins.docker_plugin.schema import COLLECTIONS, ZERO, Field, Kind, ResourceType
from tools.standins.docker_plugin.values import essence, normal, present
from tools.standins.protocol.values import UNKNOWN, Properties

# A set that the engine fills is never absent from the state.
_SETS = (Kind.SET, Kind.BLOCK_SET)


def plan(table: ResourceType, inputs: Properties, state: Properties | None = None) -> Properties:
    """The planned outputs. An output that only the engine knows is UNKNOWN. `state` is None for a new resource."""
    planned: Properties = {"id": UNKNOWN if state is None else state.get("id")}
    for field in table.fields:
        planned[field.name] = _planned(field, inputs.get(field.name), state)
    for output in table.outputs:
        pending = state is None or (output.tracked and state.get(output.name) is None)
        planned[output.name] = UNKNOWN if pending or state is None else state.get(output.name)
    return present(planned)


def _planned(field: Field, given: Any, state: Properties | None) -> Any:
    old = (state or {}).get(field.name)
    if given is not None and not (field.blank_is_absent and given == ""):
        unchanged = old is not None and essence(field, given) == essence(field, old)
        return old if unchanged else normal(field, given)
    if field.initial is not None:
        return field.initial
    if field.computed:
        return UNKNOWN if awaited(field, state) else old
    if field.kind in (Kind.BLOCK_LIST, Kind.BLOCK_SET):
        return []
    return old if old is None or field.blank_is_absent else ZERO[field.kind]


def awaited(field: Field, state: Properties | None) -> bool:
    """Whether the engine still has to decide a computed input. With a state, only an absent list is undecided."""
    if state is None:
        return True
    return field.kind is Kind.LIST and state.get(field.name) is None


def unfinished(table: ResourceType, planned: Properties) -> Properties:
    """The part of a plan that goes into the state if the object exists but its inspect data was never read."""
    found = {name: value for name, value in planned.items() if value != UNKNOWN}
    empty: Properties = {
        field.name: [] for field in table.fields if field.kind in _SETS and planned.get(field.name) == UNKNOWN
    }
    return {**found, **empty}


def settled(table: ResourceType, planned: Properties, reading: Properties) -> Properties:
    """The state after a creation: the engine's report, except for inputs whose planned value counts."""
    found: Properties = {"id": reading.get("id")}
    for field in table.fields:
        found[field.name] = _settled(field, planned.get(field.name), reading.get(field.name))
    for output in table.outputs:
        found[output.name] = reading.get(output.name)
    return present(found)


def _settled(field: Field, planned: Any, read: Any) -> Any:
    if planned == UNKNOWN:
        return read
    if (field.sticky or field.kind in _SETS) and planned is not None:
        return planned
    if field.kind in COLLECTIONS and not read:
        return planned
    return planned if read is None else read
