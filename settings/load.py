"""From the raw values of a stack's configuration to `Settings`, or to one message that names the errors."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from shlex import quote
from typing import Any

from pydantic import SecretStr, ValidationError

from settings.group import CONFLICTS
from settings.references import Reference
from settings.scalars import FETCHED, PLAIN, decoded, is_secret, marked
from settings.schema import known, pulumi_path, secret_places, spelled, takes_secret
from settings.stack import Settings

Location = tuple[int | str, ...]

# pydantic's names of errors, for which its own words are no help to an operator.
_WORDS = {
    "missing": "is required",
    "string_type": "wants a text",
    "int_type": "wants a whole number",
    "int_parsing": "wants a whole number",
    "int_from_float": "wants a whole number",
    "bool_type": "wants true or false",
    "bool_parsing": "wants true or false",
    "decimal_type": "wants a number",
    "decimal_parsing": "wants a number",
    "dict_type": "wants an object: keys with values",
    "model_type": "wants an object: keys with values",
    "tuple_type": "wants a list",
}

_UNKNOWN = "extra_forbidden"


class SettingsError(ValueError):
    """The configuration cannot be used; the message names every key at fault."""


def load(
    stack: str,
    values: Mapping[str, Any],
    fetched: Mapping[Reference, SecretStr] | None = None,
    *,
    unpinned: bool = False,
) -> Settings:
    """Read the configuration of `stack`, with what stores have given (`fetched`) in the place of references to it.

    `values` maps each key (without the project's prefix) to its value as Pulumi hands it over: text for scalars, JSON
    text or plain data for lists and objects. A secret in it is a `SecretStr`, a `Sealed`, or as in the file
    `{secure: …}`; a secret in a place where it would end in plain text is an error. So is a plain text in the place of
    a secret: in `api.secrets` always, elsewhere in production. `unpinned`: an image of a production stack may be
    without its digest. Raises `SettingsError` with all wrong values at once or, where each value is right, with all
    that do not fit together.
    """
    # Always validated, for production has no default for an image, and none for who may come in.
    data: dict[str, Any] = {"images": {}, "edge": {}}
    data |= {key: marked(decoded(value)) for key, value in values.items() if not _unset(key, value)}
    production = data.get("profile", "production") == "production"
    context: dict[str, Any] = {"production": production, "unpinned": unpinned}
    if fetched is not None:
        context[FETCHED] = fetched
    try:
        return Settings.model_validate({"stack": stack, **data}, context=context)
    except ValidationError as error:
        raise SettingsError(_message(stack, error, list(_secrets(data)))) from None


def _unset(key: str, value: Any) -> bool:
    """Whether a key is written without a value, which Pulumi hands over as an empty text.

    An empty text for a variable of the specification is an error.
    """
    return value is None or (value == "" and key in known(()) and not key.isupper())


def _secrets(value: Any, above: Location = ()) -> Iterator[Location]:
    """Where in the data there are secrets."""
    if is_secret(value):
        yield above
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _secrets(part, (*above, key))


def _message(stack: str, error: ValidationError, secrets: list[Location]) -> str:
    lines: list[str] = []
    for found in error.errors(include_url=False):
        place = next((secret for secret in secrets if found["loc"][: len(secret)] == secret), None)
        misplaced = place is not None and not takes_secret(place) and found["type"] != _UNKNOWN
        new = [_secret(place)] if place and misplaced else _lines(stack, found["loc"], found["type"], found["msg"])
        lines += [line for line in new if line not in lines]
    count = "one error" if len(lines) == 1 else f"{len(lines)} errors"
    return "\n".join(
        [
            f'The configuration of stack "{stack}" has {count}; nothing was changed.',
            *(f"  {line}" for line in lines),
            f"Correct Pulumi.{stack}.yaml (or use `pulumi config set … --stack {stack}`), then run the same command "
            "again.",
        ]
    )


def _lines(stack: str, location: Location, kind: str, text: str) -> list[str]:
    key = spelled(location)
    if kind == PLAIN:
        return [f"{key}: {text}. {_encrypt(stack, location)}"]
    if kind == _UNKNOWN:
        key = ".".join(part for part in (spelled(location[:-1]), str(location[-1])) if part)
        close = get_close_matches(str(location[-1]), known(location[:-1]), n=1)
        return [f"{key}: unknown key" + (f', did you mean "{close[0]}"?' if close else "")]
    text = _WORDS.get(kind, text.removeprefix("Value error, "))
    return [f"{key}: {line}" if key else line for line in (text.split("\n") if kind == CONFLICTS else [text])]


def _encrypt(stack: str, location: Location) -> str:
    """How to set a secret; a login to a store cannot be in a store."""
    command = f"`pulumi config set --secret --path {quote(pulumi_path(location))} --stack {stack}`"
    login = location[0] == "secrets" and spelled(location) != "secrets.releaseKey"
    return f"Run {command}" + ("" if login else ", or write {from: <store>, key: <name>} (docs/secrets.md)")


def _secret(location: Location) -> str:
    found = f"{spelled(location)}: is a secret, and would be in plain text in the state and on the host."
    if location[:2] == ("api", "env"):
        place = ".".join(["api.secrets", *map(str, location[2:])] if location[2:] else ["api.secrets.<NAME>"])
        return f"{found} Move it to {place} (docs/secrets.md)"
    return f"{found} Set it without --secret, or remove it. Only {', '.join(secret_places())} take a secret"
