"""The language of the tables: what an input is and what it means.

Names are Pulumi's (camelCase). "Plan" is the state a resource will have, made from its inputs alone; "reading" is what
the engine reports. Which of the two ends up in the state, and how, is part of the official plugin's behaviour.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

# What the engine's API takes (request bodies) and gives (inspect), as JSON.
Body: TypeAlias = dict[str, Any]


class Kind(Enum):
    """The type of an input."""

    STRING = "a string"
    INT = "a whole number"
    BOOL = "true or false"
    LIST = "a list of strings"
    SET = "a list of strings without order"
    MAP = "a map of strings"
    BLOCK = "an object"
    BLOCK_LIST = "a list of objects"
    BLOCK_SET = "a list of objects without order"


ZERO: Mapping[Kind, Any] = {
    Kind.STRING: "",
    Kind.INT: 0,
    Kind.BOOL: False,
    Kind.LIST: [],
    Kind.SET: [],
    Kind.MAP: {},
    Kind.BLOCK: None,
    Kind.BLOCK_LIST: [],
    Kind.BLOCK_SET: [],
}
COLLECTIONS = (Kind.LIST, Kind.SET, Kind.MAP, Kind.BLOCK_LIST, Kind.BLOCK_SET)
BLOCKS = (Kind.BLOCK, Kind.BLOCK_LIST, Kind.BLOCK_SET)


class Effect(Enum):
    """What happens to the object when the input changes."""

    REPLACE = "replaced"
    IN_PLACE = "updated in the engine"
    STATE = "changed in the state only"


@dataclass(frozen=True)
class Route:
    """How an input gets into the body of the engine's create call and back out of inspect. None: not at all."""

    write: Callable[[Any, Body], None] | None = None
    read: Callable[[Body], Any] | None = None


NOWHERE = Route()


@dataclass(frozen=True)
class Field:
    """One input (or, in a block, one of its properties).

    default: filled in by Check, and so part of the inputs. initial: not in the inputs, but in the state from the start.
    computed: the engine decides if it is not given; dropping it from the program changes nothing.
    blank_is_absent: an empty string counts as not given, and dropping it changes nothing.
    sticky: like sets, keeps the program's spelling in the state until the next refresh, whatever the engine reports.
    match: for a BLOCK_LIST, the properties that tell which old element is compared with which new one.
    refusal: checks a value; returns what is wrong with it or None.
    only_if_given: for a property of blocks in a set: read back only where the state has it, in the block with the same
    first property (flattenDevices in the official provider's resource_docker_container_structures.go, version 4.5).
    supported: false for inputs that the official plugin knows and this one does not.
    """

    name: str
    kind: Kind = Kind.STRING
    effect: Effect = Effect.REPLACE
    route: Route = NOWHERE
    required: bool = False
    default: Any = None
    initial: Any = None
    computed: bool = False
    blank_is_absent: bool = False
    sticky: bool = False
    only_if_given: bool = False
    fields: tuple["Field", ...] = ()
    match: tuple[str, ...] = ()
    refusal: Callable[[Any], str | None] | None = None
    supported: bool = True

    @property
    def zero(self) -> Any:
        """The value that means the same as not given."""
        return self.initial if self.initial is not None else ZERO[self.kind]


@dataclass(frozen=True)
class Output:
    """A property that is no input. tracked: if the state lacks it, that alone is a difference (an update)."""

    name: str
    read: Callable[[Body], Any]
    tracked: bool = False


@dataclass(frozen=True)
class ResourceType:
    """One table. named: the input that gets an automatic name. always_delete_first: replaced by delete, then create;
    otherwise that is so only for a name given in the program, which the old and new object cannot both have."""

    token: str
    fields: tuple[Field, ...]
    outputs: tuple[Output, ...] = ()
    named: str | None = "name"
    always_delete_first: bool = False
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {item.name: item for item in self.fields})
