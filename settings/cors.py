"""CORS: the pages of other origins that may use the API from a browser."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from settings.effect import RELOAD
from settings.group import Group
from settings.scalars import Items, text
from settings.values import Duration

Origin = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[a-z][a-z0-9+.-]*://[a-z0-9.-]+(:\d{1,5})?)$"),
    BeforeValidator(text),
]
"""As a browser sends it (RFC 6454): scheme, host in small letters, the port unless it is the scheme's own, no path."""


class Cors(Group):
    """The edge answers preflights and sends the CORS headers, in place of the API."""

    origins: Items[Origin] = Field(
        min_length=1, description='origins as `https://chat.example.com`; `"*"` is any', json_schema_extra=RELOAD
    )
    credentials: bool = Field(
        False,
        description="pages may send cookies; a key in a header does not need this",
        json_schema_extra=RELOAD,
    )
    max_age: Duration = Field(
        600, description="how long a browser keeps the answer to a preflight", json_schema_extra=RELOAD
    )

    @model_validator(mode="after")
    def _any_or_some(self) -> Self:
        if "*" in self.origins and (len(self.origins) > 1 or self.credentials):
            raise ValueError('"*" stands alone and without credentials, for a browser refuses them together')
        return self
