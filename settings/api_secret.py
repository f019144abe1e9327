"""A secret of the API: its value, and how the API's containers get it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import PlainValidator, SecretStr, ValidationInfo

from settings.references import Reference
from settings.scalars import decoded, is_text, referred, refuse_plain

Form = Literal["file", "env"]
FOLDER = "/run/secrets"
"""Where the files are in the API's containers."""
# The kernel's limit of one string of an environment, 32 pages (execve(2), MAX_ARG_STRLEN), less room for the name.
_LONGEST_ENV = 128 * 1024 - 256


@dataclass(frozen=True, kw_only=True)
class ApiSecret:
    """`value` is a `Reference` before it is fetched, and None where the settings are read without Pulumi.

    `file`: the API finds the value in `/run/secrets/<NAME>`, and that path in the variable `<NAME>_FILE`. `env`: it
    finds the value in the variable `<NAME>`. A value that is not UTF-8 has lone surrogates (PEP 383).
    """

    value: SecretStr | Reference | None
    form: Form = "file"


def _api_secret(written: Any, info: ValidationInfo) -> ApiSecret:
    """Raises ValueError, whose message shows no value."""
    form: Form = "file"
    if written is None:
        raise ValueError("has no value; set it, or remove the key")
    found = decoded(written)
    if isinstance(found, dict) and "from" in found:
        if (form := found.get("as", form)) not in get_args(Form):
            raise ValueError("as is neither file nor env")
        written = {key: part for key, part in found.items() if key != "as"}
    else:
        refuse_plain(written)
    value = referred(written, info)
    if isinstance(value, SecretStr):
        _must_fit(value.get_secret_value(), form)
    elif value is not None and not isinstance(value, Reference):
        raise ValueError("is neither a secret nor {from: <store>, key: <name>}")
    return ApiSecret(value=value, form=form)


def _must_fit(value: str, form: Form) -> None:
    if not value:
        raise ValueError("is empty")
    if form == "file":
        return
    if not is_text(value) or "\0" in value:
        raise ValueError("is not UTF-8 or has a zero byte, which no environment variable can hold; use `as: file`")
    if len(value.encode()) > _LONGEST_ENV:
        raise ValueError("is too long for an environment variable (128 KiB); use `as: file`")


GivenSecret = Annotated[ApiSecret, PlainValidator(_api_secret)]
"""Written as a Pulumi secret, or as `{from: <store>, key: <name>, as: file | env}`."""
