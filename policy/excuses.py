"""What a program or a stack is excused from: `policy:excuses` in Pulumi.yaml and in Pulumi.<stack>.yaml.

Each is an object {rule, resource, why}. `rule` and `resource` may hold `*`; a resource is named by its `name` on the
host, or by its name in the program if it has none there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

KEY = "policy:excuses"


@dataclass(frozen=True, kw_only=True)
class Excuse:
    rule: str
    resource: str
    why: str

    def covers(self, rule: str, resource: str) -> bool:
        return fnmatchcase(rule, self.rule) and fnmatchcase(resource, self.resource)


def excuses(folder: Path, stack: str) -> tuple[Excuse, ...]:
    """Those of the project in `folder` and of its stack. Raises ValueError for one that is not whole."""
    return (*_of(folder / "Pulumi.yaml"), *_of(folder / f"Pulumi.{stack}.yaml"))


def _of(file: Path) -> Iterator[Excuse]:
    if not file.exists():
        return
    config = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    written = config.get(KEY) or []
    if isinstance(written, dict):  # in Pulumi.yaml a value stands below `value`
        written = written.get("value") or []
    for entry in written:
        yield _excuse(entry, file.name)


def _excuse(entry: Any, where: str) -> Excuse:
    fields = {"rule", "resource", "why"}
    if not isinstance(entry, dict) or set(entry) != fields or not all(isinstance(entry[name], str) for name in fields):
        raise ValueError(f"{KEY} in {where}: {entry!r} is not an object with rule, resource and why, each a text")
    if not all(entry[name].strip() for name in fields):
        raise ValueError(f"{KEY} in {where}: {entry!r} lacks a text; every excuse needs its reason")
    return Excuse(**entry)
