"""From the raw values of a stack's configuration to `Settings`, with every error in one message."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from settings.model import Settings


class SettingsError(ValueError):
    """The configuration cannot be used; the message names every key at fault."""


def load(stack: str, values: Mapping[str, Any]) -> Settings:
    """Read the configuration of `stack`.

    `values` maps each key (without the project's prefix) to its value as Pulumi hands it over: text for scalars, JSON
    text or plain data for lists and objects. Raises `SettingsError` with all errors at once.
    """
    # Always validated, for production has no default for an image, and none for who may come in.
    data: dict[str, Any] = {"images": {}, "edge": {}} | {key: _decoded(value) for key, value in values.items()}
    if isinstance(data["edge"], dict):
        data["edge"] = {"apiKeys": None} | data["edge"]
    try:
        return Settings.model_validate(
            {"stack": stack, **data}, context={"production": data.get("profile", "production") == "production"}
        )
    except ValidationError as error:
        raise SettingsError(_message(stack, error)) from None


def _decoded(value: Any) -> Any:
    """Lists and objects arrive as JSON text; a text that merely looks like a number stays a text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _message(stack: str, error: ValidationError) -> str:
    lines = [_line(found["loc"], found["type"], found["msg"]) for found in error.errors(include_url=False)]
    count = "one error" if len(lines) == 1 else f"{len(lines)} errors"
    return "\n".join(
        [
            f'The configuration of stack "{stack}" has {count}; nothing was changed.',
            *(f"  {line}" for line in lines),
            f"Correct Pulumi.{stack}.yaml (or use `pulumi config set`), then run the same command again.",
        ]
    )


def _line(location: tuple[int | str, ...], kind: str, text: str) -> str:
    text = text.removeprefix("Value error, ")
    path = list(location)
    key = ".".join(str(part) for part in path)
    if kind == "extra_forbidden":
        close = get_close_matches(str(path[-1]), _known(path[:-1]), n=1)
        return f"{key}: unknown key" + (f', did you mean "{close[0]}"?' if close else "")
    if kind == "missing":
        return f"{key}: is required"
    return f"{key}: {text}" if key else text


def _known(path: list[int | str]) -> list[str]:
    """The keys that exist in the group at `path`."""
    group: type[BaseModel] = Settings
    for part in path:
        fields = {field.alias: field.annotation for field in group.model_fields.values()}
        found = fields.get(str(part))
        groups = [kind for kind in (found, *get_args(found)) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not groups:
            return []
        group = groups[0]
    return [field.alias or name for name, field in group.model_fields.items() if name != "stack"]
