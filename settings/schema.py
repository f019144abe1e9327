"""All settings as a list: their keys, meanings and effects, for messages, documentation and tests."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from settings.api_secret import ApiSecret
from settings.effect import KEY, Effect
from settings.stack import Settings
from settings.values import MIB, read_duration, read_size

_SECRETS = (SecretStr, ApiSecret)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One setting. `key` is its path in the configuration, with `<id>` for a name of the operator's choice.

    `secret`: a Pulumi secret may stand here. `default` is the value in Python, None for a setting that must be written;
    `written` is the same in the notation of the configuration. A group that can be switched off (`edge.rateLimit`) is a
    setting of its own beside those in it.
    """

    key: str
    description: str
    effect: Effect
    secret: bool
    required: bool
    default: Any
    written: Any


def leaves(group: type[BaseModel] = Settings, above: str = "") -> Iterator[Leaf]:
    """Every setting of a group, in the order of the configuration. Raises ValueError for one without an effect."""
    for name, field in group.model_fields.items():
        if name == "stack":
            continue
        key = above + (field.alias or name)
        inner = _group(field.annotation)
        effect = field.json_schema_extra.get(KEY) if isinstance(field.json_schema_extra, dict) else None
        if effect or not inner:
            if not effect:
                raise ValueError(f"{key} does not say what a change of it does")
            yield Leaf(
                key=key,
                description=field.description or "",
                effect=cast(Effect, effect),
                secret=any(_holds(field.annotation, kind) for kind in _SECRETS),
                required=field.is_required(),
                default=_default(field),
                written=_written(field),
            )
        if inner:
            yield from leaves(inner, key + (".<id>." if _holds(field.annotation, dict) else "."))


@cache
def secret_places() -> tuple[str, ...]:
    """The keys of all settings that take a Pulumi secret."""
    return tuple(leaf.key for leaf in leaves() if leaf.secret)


def takes_secret(path: Sequence[int | str]) -> bool:
    """Whether a path in the configuration is at or below a setting that takes a Pulumi secret."""
    keys = spelled(path).split(".")
    return any(
        len(place) <= len(keys) and all(word in ("<id>", key) for word, key in zip(place, keys, strict=False))
        for place in (place.split(".") for place in secret_places())
    )


def known(path: Sequence[int | str]) -> list[str]:
    """The keys that exist in the group at `path`."""
    _, group = _follow(path)
    return [field.alias or name for name, field in group.model_fields.items() if name != "stack"] if group else []


def spelled(path: Sequence[int | str]) -> str:
    """A path of pydantic's as the operator writes it: with aliases, and without the word for a key that is at fault."""
    return ".".join(_follow([part for part in path if part != "[key]"])[0])


def pulumi_path(path: Sequence[int | str]) -> str:
    """The same as `pulumi config set --path` takes it: `edge.apiKeys.app.keys[0]`."""
    keys, _ = _follow(path)
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{key}" if _PLAIN_KEY.fullmatch(key) else f'["{key}"]'
        for key, part in zip(keys, path, strict=True)
    ]
    return "".join(parts).removeprefix(".")


def _follow(path: Sequence[int | str]) -> tuple[list[str], type[BaseModel] | None]:
    """The keys on the way to `path`, and the group there, if it is one."""
    keys: list[str] = []
    group: type[BaseModel] | None = Settings
    is_name = False  # the next key is the operator's own
    for part in map(str, path):
        fields = group.model_fields if group and not is_name else {}
        field = next((field for name, field in fields.items() if part in (name, field.alias)), None)
        keys.append(field.alias if field and field.alias else part)
        if is_name:
            is_name = False
        else:
            group = _group(field.annotation) if field else None
            is_name = bool(field and group and _holds(field.annotation, dict))
    return keys, group


def _group(annotation: Any) -> type[BaseModel] | None:
    """The group that a field holds, be it optional or one of many."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in get_args(annotation) if (found := _group(part))), None)


def _holds(annotation: Any, kind: type) -> bool:
    return kind in (annotation, get_origin(annotation)) or any(_holds(part, kind) for part in get_args(annotation))


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})


def _metadata(annotation: Any) -> Iterator[Any]:
    """What stands beside the types inside an annotation, such as the reader of `Duration` in `Duration | None`."""
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _metadata(part)


def _written(field: FieldInfo) -> Any:
    """The default as a person writes it: a size and a duration are numbers in Python."""
    default = _default(field)
    readers = [getattr(found, "func", None) for found in (*field.metadata, *_metadata(field.annotation))]
    if default is not None and read_size in readers:
        mib = default // MIB
        return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"
    return f"{default}s" if default is not None and read_duration in readers else default
