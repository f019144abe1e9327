"""`new-stack`: a configuration file with every setting, its meaning, its default and what a change of it does.

What the production stack sets is set, in its own values; all else is a comment. The new stack has its own addresses,
host and secrets: a stack's secrets can be decrypted in that stack alone.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from shlex import quote
from typing import Any

import yaml
from pydantic import BaseModel

from components.stack_file import ROOT, read_stack
from engine.errors import Refused
from policy.excuses import KEY
from settings import SettingsError
from settings.scalars import is_secret, marked
from settings.schema import Leaf, leaves, pulumi_path
from settings.values import RequestRate

_PREFIX = "orca-agents:"
_MODEL = "prod"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_HEAD = """\
# The stack `{name}`. A key behind `# ` has its default; take the `# ` away to set another value.
# In brackets stands what a change of the setting does to a running stack (settings/effect.py).
config:
"""


def new_stack(name: str, folder: Path = ROOT) -> None:
    """Write the file. Raises Refused when there is one, or when the name cannot be that of a stack."""
    file = folder / f"Pulumi.{name}.yaml"
    if not _NAME.fullmatch(name):
        raise Refused(f'"{name}" cannot be a stack: small letters, digits and dashes, 32 at most. Nothing was written.')
    if file.exists():
        raise Refused(f"{file.name} is there already. Nothing was written.")
    file.write_text(text(name, folder), encoding="utf-8")
    print(f"{file.name} is written. Set your host name, images and models in it; then `make preview STACK={name}`.")
    if "dockerHost" in _written(folder):
        print(f"dockerHost was not copied from {_MODEL}: set the host of {name}.")
    for path in _secrets(_written(folder)):
        print(
            f"A secret was not copied: `pulumi config set --secret --path {quote(pulumi_path(path))} --stack {name}`."
        )


def text(name: str, folder: Path = ROOT) -> str:
    """The file of a stack of that name, beside those in `folder`."""
    values = _open(_written(folder))
    values["network"] = {**values.get("network", {}), "cidr": str(free_range(folder))}
    values.pop("dockerHost", None)
    return _HEAD.format(name=name) + "".join(_lines(values)) + _excuses(values.get(KEY) or [], name)


def _written(folder: Path) -> dict[str, Any]:
    """The configuration of the production stack, by key."""
    config = yaml.safe_load((folder / f"Pulumi.{_MODEL}.yaml").read_text(encoding="utf-8"))["config"]
    return {key.removeprefix(_PREFIX): value for key, value in config.items()}


def _secrets(value: Any, above: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Where in the configuration there are Pulumi secrets."""
    if is_secret(marked(value)):
        yield above
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _secrets(part, (*above, key))


def _open(value: Any) -> Any:
    """The same without Pulumi secrets."""
    if isinstance(value, dict):
        return {key: _open(part) for key, part in value.items() if not is_secret(marked(part))}
    return [_open(part) for part in value if not is_secret(marked(part))] if isinstance(value, list) else value


def _excuses(written: list[dict[str, str]], name: str) -> str:
    """What the production stack's containers are excused from, for those of the new stack."""
    own = [{**entry, "resource": re.sub(rf"^{_MODEL}-", f"{name}-", entry["resource"])} for entry in written]
    lines = (f"{_indent(1)}- {_flow(entry)}\n" for entry in own)
    return f"{_indent(0)}{KEY}:\n{''.join(lines)}" if own else ""


def free_range(folder: Path) -> IPv4Network:
    """The first /20 of 10.77.0.0/16 that no stack of the folder uses."""
    taken = []
    for file in folder.glob("Pulumi.*.yaml"):
        try:
            taken.append(read_stack(file.name.split(".")[1], folder).network.cidr)
        except SettingsError:
            continue
    free = (
        found for found in IPv4Network("10.77.0.0/16").subnets(new_prefix=20) if not any(map(found.overlaps, taken))
    )
    return next(free)


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Every setting in the order of the configuration, each group behind its head."""
    keys = [leaf.key for leaf in leaves()]
    heads: set[str] = set()
    whole: list[str] = []  # groups that have their value in one piece, such as `edge.apiKeys` or one that is off
    for leaf in leaves():
        if any(leaf.key.startswith(f"{group}.") for group in whole):
            continue
        path = leaf.key.split(".")
        *groups, key = path
        for depth, group in enumerate(groups):
            if (head := ".".join(groups[: depth + 1])) not in heads:
                heads.add(head)
                yield _entry(depth, group, "", comment=_is_idle(head, values))
        found, is_group = _found(values, path), any(other.startswith(f"{leaf.key}.") for other in keys)
        yield f"{_indent(len(groups))}# {_meaning(leaf)}\n"
        named = any(other.startswith(f"{leaf.key}.<") for other in keys)
        if is_group and (found is None or (isinstance(found, Mapping) and not named)):
            heads.add(leaf.key)
            yield _entry(len(groups), key, "", comment=_is_idle(leaf.key, values))
            continue
        if is_group:
            whole.append(leaf.key)
        value = _plain(leaf.written) if found is None else found
        idle = any(_is_idle(".".join(groups[:depth]), values) for depth in range(1, len(path)))
        yield _entry(len(groups), key, _flow(value), comment=idle or found is None)


def _is_idle(group: str, values: Mapping[str, Any]) -> bool:
    """Whether a group stands there as a comment, its head too: it has a setting that must be written, or a name of the
    operator's choice, and is not used."""
    needs = any(key.startswith(f"{group}.") for key in _required())
    above = group.rpartition(".")[0]
    return ((needs or "<id>" in group) and _found(values, group.split(".")) is None) or (
        bool(above) and _is_idle(above, values)
    )


@cache
def _required() -> tuple[str, ...]:
    return tuple(leaf.key for leaf in leaves() if leaf.required)


def _found(values: Mapping[str, Any], path: list[str]) -> Any:
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _entry(depth: int, key: str, value: str, *, comment: bool) -> str:
    key = key if depth else _PREFIX + key
    return f"{_indent(depth)}{'# ' if comment else ''}{key}:{' ' if value else ''}{value}\n"


def _indent(depth: int) -> str:
    return "  " * (depth + 1)


def _meaning(leaf: Leaf) -> str:
    return f"{leaf.description} [{leaf.effect}]" + (" (a secret)" if leaf.secret else "")


def _plain(value: Any) -> Any:
    """A default as the file writes it."""
    match value:
        case Decimal() | IPv4Address() | IPv4Network() | IPv6Address() | IPv6Network() | RequestRate():
            return str(value)
        case tuple():
            return [_plain(part) for part in value]
        case BaseModel():
            return None
    return value


def _flow(value: Any) -> str:
    """A value on one line, as YAML; nothing for none."""
    if value is None:
        return ""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
