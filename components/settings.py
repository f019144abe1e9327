"""The stack's settings, from Pulumi's configuration."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config
from pydantic import SecretStr

from components import stack_file
from components.secrets import fetched
from settings import Settings, SettingsError, load
from settings.scalars import Sealed, Unclear, decoded
from settings.schema import secret_places, takes_secret

_ALSO_READ = ("pulumi:", "docker:", "command:", "policy:")
"""Pulumi's namespace, those of the providers that the program uses, and the policy pack's."""


def stack_settings() -> Settings:
    """Load the settings of the running stack, with the values of its secrets. Raises `pulumi.RunError`, which prints
    without a traceback.

    Pulumi hands decrypted values over, and of a secret only the key at the top: `edge`, wherever in it the secret is.
    The exact place, and how a value is spelled, is in `Pulumi.<stack>.yaml` in the program's folder. A key is looked up
    there if its value there is the one that Pulumi hands over. If it is not (`pulumi --config-file`, a configuration
    that comes from elsewhere), a key with a secret is accepted if a place for secrets below it has a value, and every
    value in such a place counts as a secret; without one, the secret is somewhere else and the whole key is refused.
    """
    stack = pulumi.get_stack()
    if strange := unread(_handed()):
        pulumi.log.warn(
            f"No part of stack {stack} reads {', '.join(strange)}: the keys of this project begin with `{_prefix()}`. "
            "Correct the key, or remove it."
        )
    try:
        filed = stack_file.read(stack, Path.cwd())
    except SettingsError:
        filed = {}  # `pulumi --config-file`
    try:
        values = as_written(_values(), _secret_keys(), filed)
        settings = load(stack, values)
        return load(stack, values, found) if (found := fetched(settings)) else settings
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def as_written(handed: Mapping[str, Any], secret: set[str], filed: Mapping[str, Any]) -> dict[str, Any]:
    """The values that Pulumi has `handed` over, by key, with what the file knows of them: see `stack_settings`.

    `secret` are the keys that hold a secret, `filed` the values as `stack_file.read` gives them.
    """
    return {key: _as_written(key, decoded(value), key in secret, filed.get(key)) for key, value in handed.items()}


def _as_written(key: str, value: Any, secret: bool, filed: Any) -> Any:
    if _same(value, filed) and secret == _holds_secret(filed):
        return _merged(value, filed)
    if secret and not any(_has_value(value, place.split(".")[1:]) for place in secret_places() if _below(key, place)):
        return SecretStr("")
    return _taken(value, (key,)) if secret else value


def _taken(value: Any, path: tuple[int | str, ...]) -> Any:
    """A value with a `SecretStr` for each text that stands in a place for secrets and is no reference."""
    if isinstance(value, dict):
        return value if "from" in value else {key: _taken(part, (*path, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_taken(part, (*path, index)) for index, part in enumerate(value)]
    if not isinstance(value, str) or not takes_secret(path):
        return value
    # A table or a list of secrets may be JSON text; below it, only a reference is JSON and no secret.
    found = decoded(value)
    is_table = isinstance(found, dict | list) and not takes_secret(path[:-1])
    return _taken(found, path) if is_table or (isinstance(found, dict) and "from" in found) else SecretStr(value)


def _same(handed: Any, filed: Any) -> bool:
    """Whether two values are one, as far as the file can tell."""
    if isinstance(filed, Sealed | Unclear):
        return isinstance(handed, str | int | float)
    if isinstance(filed, dict) and isinstance(handed, dict):
        return filed.keys() == handed.keys() and all(_same(handed[key], part) for key, part in filed.items())
    if isinstance(filed, list) and isinstance(handed, list):
        return len(filed) == len(handed) and all(map(_same, handed, filed))
    return bool(handed == decoded(filed))


def _holds_secret(filed: Any) -> bool:
    parts = filed.values() if isinstance(filed, dict) else filed if isinstance(filed, list) else ()
    return isinstance(filed, Sealed) or any(map(_holds_secret, parts))


def _merged(handed: Any, filed: Any) -> Any:
    """What is handed over, with the file's knowledge of which parts are secrets or unclear."""
    if isinstance(filed, Sealed):
        return SecretStr(str(handed))
    if isinstance(filed, dict):
        return {key: _merged(handed[key], part) for key, part in filed.items()}
    if isinstance(filed, list):
        return [_merged(*pair) for pair in zip(handed, filed, strict=True)]
    return filed if isinstance(filed, Unclear) else handed


def _below(key: str, place: str) -> bool:
    return place.partition(".")[0] == key


def _has_value(value: Any, path: list[str]) -> bool:
    """Whether there is anything at a path, in which `<id>` stands for every key."""
    if isinstance(value, dict) and path:
        return any(_has_value(part, path[1:]) for key, part in value.items() if path[0] in (key, "<id>"))
    return not path and bool(value)


def unread(keys: Iterable[str]) -> list[str]:
    """The keys whose namespace is neither this project's nor Pulumi's nor a provider's: nothing reads them."""
    read = (_prefix(), *_ALSO_READ)
    return sorted(key for key in keys if not key.startswith(read))


def _values() -> dict[str, Any]:
    """Every key of this project."""
    return {key.removeprefix(_prefix()): value for key, value in _handed().items() if key.startswith(_prefix())}


def _handed() -> dict[str, Any]:
    """Every key of the stack: `pulumi.Config` can only be asked for keys it is told, and a misspelt one is not."""
    return {**config.get_config_env(), **config.CONFIG.get()}


def _secret_keys() -> set[str]:
    found = {*config.get_config_secret_keys_env(), *config._SECRET_KEYS.get()}
    return {key.removeprefix(_prefix()) for key in found}


def _prefix() -> str:
    return f"{pulumi.get_project()}:"
