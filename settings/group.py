"""What all groups of the configuration have in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.alias_generators import to_camel


class Group(BaseModel):
    """One object of the configuration: keys in camelCase, no others, never changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_default=False)


def off(value: object) -> object:
    """The word `off`, which YAML may already have read as false, is None."""
    return None if value in ("off", False) else value


def sealed(value: object) -> Any:
    """An encrypted value, as it is in the stack's file, can only be read by Pulumi."""
    return None if isinstance(value, dict) and set(value) == {"secure"} else value


Off = BeforeValidator(off)
Port = Annotated[int, Field(ge=1, le=65535)]


def _no_address(value: str) -> str:
    if value.rpartition(".")[2].isdigit():
        raise ValueError(
            f'"{value}" is an address; name a host, for TLS clients send a name (RFC 6066) and the edge asks for it'
        )
    return value


Hostname = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"),
    AfterValidator(_no_address),
]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Secret = Annotated[SecretStr | None, BeforeValidator(sealed)]
"""A value that is encrypted in the stack's file; None where it is read without Pulumi."""
