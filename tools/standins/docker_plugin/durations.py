"""Durations as Go writes them (`1m30s`), in nanoseconds."""

import re
from fractions import Fraction

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse(text: str) -> int:
    """Nanoseconds of "90s", "1m0s", "1.5h", "0"; raises ValueError for anything else."""
    if text == "0":
        return 0
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f"not a duration: {text}")
    return sum(int(Fraction(number.rstrip(".")) * _UNITS[unit]) for number, unit in _PART.findall(text))


def text(nanoseconds: int) -> str:
    """The spelling of Go's time.Duration.String: "0s", "1.5s", "1m0s", "1h0m0s", "20ms"."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < _UNITS["s"]:
        unit = next(unit for unit in ("ms", "µs", "ns") if nanoseconds >= _UNITS[unit])
        return _number(nanoseconds, _UNITS[unit]) + unit
    minutes, rest = divmod(nanoseconds, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = _number(rest, _UNITS["s"]) + "s"
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds


def _number(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
