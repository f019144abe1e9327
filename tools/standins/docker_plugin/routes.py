"""Ways of an input into the engine's create body and back: where it stands, and in which form."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from tools.standins.docker_plugin.schema import Body, Route
from tools.standins.protocol.provider import Failed


class Form(NamedTuple):
    """How a value looks to the engine: `to` and `back`. `back` is not called for None."""

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]


def at(path: str, form: Form | None = None, default: Any = None) -> Route:
    """The value at a dotted path of the body; `default` when the engine reports none."""

    def write(value: Any, body: Body) -> None:
        *parents, last = path.split(".")
        for name in parents:
            body = body.setdefault(name, {})
        body[last] = form.to(value) if form else value

    return Route(write, reader(path, form, default))


def to(path: str) -> Route:
    """A value that is written and never read back."""
    return Route(write=at(path).write)


def reader(path: str, form: Form | None = None, default: Any = None) -> Callable[[Body], Any]:
    """Reads the value at a dotted path of what the engine reports."""

    def read(found: Body) -> Any:
        value: Any = found
        for name in path.split("."):
            value = (value or {}).get(name)
        if value is None:
            return default
        return form.back(value) if form else value

    return read


MIB = 1024 * 1024
MEBIBYTES = Form(lambda value: value * MIB, lambda value: value // MIB)
# Minus one is "without limit" to both sides.
SWAP = Form(lambda value: value * MIB if value > 0 else value, lambda value: value // MIB if value > 0 else value)


def _nano_cpus(value: str) -> int:
    try:
        return int(Fraction(value) * 10**9)
    except (ValueError, ZeroDivisionError):
        raise Failed(f"Error setting cpus: failed to parse {value} as a rational number") from None


def _cpus(value: int) -> str | None:
    """One decimal, rounded half up, as the official plugin has it: "0.05" comes back as "0.1", "2" as "2.0"."""
    tenths = (value + 5 * 10**7) // 10**8
    return f"{tenths // 10}.{tenths % 10}" if value else None


CPUS = Form(_nano_cpus, _cpus)
# A name at the engine begins with a slash.
NAME = Form(lambda value: value, lambda value: value.removeprefix("/"))
