"""How single values arrive from a stack's file, and the types that take them.

Pulumi hands a number in the file over as a number or as its text, a list or an object as JSON text or as data, and a
secret decrypted. Every type here accepts all forms of a value that are certain to mean what is written, and refuses the
others with what to do.
"""

import json
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from settings.references import STORES, Reference, reference


class Unclear(str):
    """A value that Pulumi reads differently from how the file spells it, because it stands there without quotes.

    The text is what Pulumi hands over (`83`), `written` what the file says (`0123`). A number may be read from it; as a
    text it is refused.
    """

    written: str

    def __new__(cls, read: str, written: str) -> "Unclear":
        made = super().__new__(cls, read)
        made.written = written
        return made


class Sealed:
    """A secret whose value only Pulumi can decrypt: what a stack's file shows of it outside of Pulumi."""

    def __repr__(self) -> str:
        return "a secret"


def is_secret(value: object) -> bool:
    """Whether a raw value is a Pulumi secret, readable or not."""
    return isinstance(value, SecretStr | Sealed)


def marked(value: Any) -> Any:
    """The same data with a `Sealed` for each `{secure: <ciphertext>}`, the form of a secret in a stack's file."""
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            return Sealed()
        return {key: marked(part) for key, part in value.items()}
    return [marked(part) for part in value] if isinstance(value, list) else value


def decoded(value: Any) -> Any:
    """A list or an object that was written as JSON text (`pulumi config set --path edge.methods '["GET"]'`) as data."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value, parse_float=_number)
        except json.JSONDecodeError:
            return value
    return value


def _number(written: str) -> "float | Unclear":
    found = float(written)
    return found if str(found) == written else Unclear(str(found), written)


def text(value: Any) -> Any:
    """The text of a value: a number and a boolean as written."""
    if isinstance(value, Unclear):
        raise ValueError(f'{value.written} without quotes is read as "{value}"; write it in quotes: "{value.written}"')
    if value is None:
        raise ValueError('has no value; write "" for an empty text, or remove the key')
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def exact(value: Any) -> Any:
    """The text of a version or a tag, of which a number with a decimal point may have lost digits."""
    if isinstance(value, float):
        raise ValueError(f"{value} is a number without quotes, and 1.10 would be read as 1.1; write it in quotes")
    return text(value)


def whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number")
    return value


def _sealed(value: Any, info: ValidationInfo) -> Any:
    """A Pulumi secret. Outside of production it may stand in plain text too."""
    if value is None or isinstance(value, Sealed):
        return None
    if isinstance(value, SecretStr):
        _must_be_value(value.get_secret_value())
        return value
    if (info.context or {}).get("production"):
        refuse_plain(value)
    return text(value)


def _must_be_value(secret: str) -> None:
    """A reference that Pulumi has encrypted would be taken for the value."""
    found = decoded(secret)
    if isinstance(found, dict) and found.get("from") in STORES and "key" in found:
        raise ValueError("is a reference that is stored as a secret; set it again with --plaintext, without --secret")


def refuse_plain(value: Any) -> None:
    if isinstance(value, str | int | float):
        raise PydanticCustomError(PLAIN, "is in plain text")


def referred(value: Any, info: ValidationInfo) -> Any:
    """A secret as `_sealed` takes it, or its reference, also as JSON text; in place of that the value, once it is
    fetched."""
    found = decoded(value)
    if not isinstance(found, dict) or (isinstance(value, str) and "from" not in found):
        return _sealed(value, info)
    found = reference(found)
    return ((info.context or {}).get(FETCHED) or {}).get(found, found)


def _public(value: Any) -> Any:
    """A plain text that is no reference, as a value that may stand there."""
    return SecretStr(value) if type(value) is str and isinstance(decoded(value), str) else value


def _is_text(value: SecretStr | Reference | None) -> SecretStr | Reference | None:
    if isinstance(value, SecretStr) and not is_text(value.get_secret_value()):
        raise ValueError("is not UTF-8, and a text is needed here")
    return value


def is_text(value: str) -> bool:
    """Whether a fetched value was UTF-8; what was not is kept as lone surrogates (PEP 383)."""
    return not any("\udc80" <= character <= "\udcff" for character in value)


def known(value: SecretStr | Reference | None) -> str | None:
    """The text of a secret; None for one whose value is not known here, or that is not set."""
    return value.get_secret_value() if isinstance(value, SecretStr) else None


FETCHED = "fetched"
"""In the context of a validation: the values that stores have given, by their references."""
PLAIN = "plain_secret"
"""The kind of error of a secret that stands in plain text."""
Item = TypeVar("Item")
Key = TypeVar("Key")

Text = Annotated[str, BeforeValidator(text)]
"""A text; a number or a boolean in its place is taken as its text."""
Whole = Annotated[int, BeforeValidator(whole)]
"""A whole number, also as a text."""
Items = Annotated[tuple[Item, ...], BeforeValidator(decoded)]
"""A list, also as JSON text."""
Table = Annotated[dict[Key, Item], BeforeValidator(decoded)]
"""An object with keys of the operator's choice, also as JSON text."""
PulumiSecret = Annotated[SecretStr | None, BeforeValidator(_sealed)]
"""A value that is encrypted in the stack's file; None where the file is read without Pulumi."""
Secret = Annotated[SecretStr | Reference | None, AfterValidator(_is_text), BeforeValidator(referred)]
"""The same, or a value that a store has: a `Reference` until it is fetched."""
Public = Annotated[Secret, BeforeValidator(_public)]
"""The same, or a plain text, in production too: nobody has to hide it."""
