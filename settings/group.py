"""What all groups of the configuration have in common."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from settings.scalars import Whole, decoded, text

CONFLICTS = "conflicts"
"""The kind of error whose message has a line for each problem."""


class Group(BaseModel):
    """One object of the configuration: keys in camelCase, no others, never changed after loading.

    A key without a value counts as a key that is not written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        found = decoded(value)
        if isinstance(found, dict):
            return {key: part for key, part in found.items() if part is not None}
        return {} if found is None else found

    def has(self, name: str) -> bool:
        """Whether the configuration has this setting. The value of a Pulumi secret is None outside of Pulumi."""
        return name in self.model_fields_set


def refuse(problems: Iterable[str]) -> None:
    """Raise one error for all `problems`, if there are any; each becomes a line of the message."""
    if found := list(problems):
        raise PydanticCustomError(CONFLICTS, "\n".join(found))


def off(value: object) -> object:
    """The word `off`, or one of its other spellings in YAML, is None."""
    return None if value is False or value in ("off", "no", "false") else value


Off = BeforeValidator(off)
Port = Annotated[Whole, Field(ge=1, le=65535)]


def _no_address(value: str) -> str:
    if value.rpartition(".")[2].isdigit():
        raise ValueError(
            f'"{value}" is an address; write a host name, for in TLS a client sends a name, never an address (RFC 6066)'
        )
    return value


Hostname = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"),
    AfterValidator(_no_address),
    BeforeValidator(text),
]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), BeforeValidator(text)]
