"""`Pulumi.<stack>.yaml`, read as Pulumi itself reads it.

Pulumi's reader follows YAML 1.2 where PyYAML follows 1.1 (`off`, `1:30`, `1e3`), and turns every value without quotes
into a number, a boolean or a date before it becomes a text again: `0123` arrives as 83, `1.10` as 1.1, `2026-11-27` as
`2026-11-27 00:00:00 +0000 UTC` (sdk/go/common/workspace/loaders.go and gopkg.in/yaml.v3/resolve.go, tried with 3.259).
So a program that Pulumi starts and a command that runs without Pulumi have the same settings of the same file, and both
refuse a text that Pulumi would change.
"""

import re
from collections.abc import Hashable
from datetime import date
from pathlib import Path
from typing import Any, cast

import yaml

from settings import Settings, SettingsError, load
from settings.scalars import Unclear, marked

ROOT = Path(__file__).parent.parent

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?")
_EXACT = 2**53  # beyond, a whole number in an object loses digits
_LARGEST = 10**21  # from here on a whole number is written with an exponent


def read_stack(stack: str, folder: Path = ROOT, *, unpinned: bool = False) -> Settings:
    """The settings of a stack, for commands that run without Pulumi: secrets stay encrypted, and are None.

    `unpinned`: an image of a production stack may be without its digest. Raises SettingsError, also when there is no
    such file.
    """
    return load(stack, read(stack, folder), unpinned=unpinned)


def read(stack: str, folder: Path) -> dict[str, Any]:
    """The configuration of a stack by key, without the project's prefix, as `settings.load` takes it.

    A secret is a `Sealed`; a value that Pulumi reads differently from how it is written is an `Unclear`. Raises
    SettingsError for a file that is not there or is not YAML.
    """
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        known = ", ".join(sorted(found.name.split(".")[1] for found in folder.glob("Pulumi.*.yaml"))) or "none"
        raise SettingsError(
            f'There is no {path.name}, so no stack "{stack}". Stacks with a file here: {known}.'
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} is not UTF-8: {error}") from None
    try:
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
        config = (yaml.load(text, _Reader) or {}).get("config") or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is not valid YAML: {error}") from None
    except (AttributeError, KeyError, TypeError):
        raise SettingsError(f"{path.name} or Pulumi.yaml is not an object with keys.") from None
    if not isinstance(config, dict):
        raise SettingsError(f"{path.name}: config is not an object with keys.")
    # A key without a prefix is one of this project.
    keyed = {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}
    prefix = f"{project}:"
    return {
        key.removeprefix(prefix): _outermost(marked(value)) for key, value in keyed.items() if key.startswith(prefix)
    }


class _Reader(yaml.SafeLoader):
    """YAML with Pulumi's idea of what a value without quotes is."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0] and value != "<<":
            return "!plain"
        return cast(Any, super()).resolve(kind, value, implicit)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                problem = f'the key "{key.value}" is written twice'
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return {_text(key): value for key, value in super().construct_mapping(node, deep).items()}


def _plain(loader: _Reader, node: yaml.ScalarNode) -> Any:
    """What Pulumi makes of a scalar without quotes."""
    written = str(loader.construct_scalar(node))
    found = _resolved(written)
    return found if _text(found) == written or found is None else Unclear(_text(found), written)


_Reader.add_constructor("!plain", _plain)


def _resolved(written: str) -> Any:
    if written in _WORDS:
        return _WORDS[written]
    if (day := _DATE.fullmatch(written)) and _is_day(*day.groups()[:3]):
        return f"{day[1]}-{int(day[2]):02}-{int(day[3]):02} {'00:00:00' if not day[4] else day[4][1:]} +0000 UTC"
    bare = written.replace("_", "") if written[:1] in "+-0123456789" else written
    if _INTEGER.fullmatch(bare):
        number = _integer(bare)
        return number if abs(number) <= _EXACT else _whole(float(number))
    if _FLOAT.fullmatch(bare) and (found := float(bare)) not in (float("inf"), float("-inf")):
        return _whole(found)
    return written


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _integer(written: str) -> int:
    """The value of an integer as Go writes it: 0123 is octal."""
    sign, digits = (-1 if written.startswith("-") else 1), written.lstrip("+-").lower()
    if digits[:1] == "0" and digits[1:2].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < _LARGEST else number


def _text(value: Any) -> Any:
    """A value as the text that Pulumi makes of it; lists and objects as they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _outermost(value: Any) -> Any:
    """Pulumi hands scalars that stand directly under a key over as texts."""
    return "" if value is None else _text(value)
