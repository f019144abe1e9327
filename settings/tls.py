"""Where the edge's certificate comes from, and how it is used."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from settings.effect import NONE, RELOAD, RESTART_EDGE
from settings.group import Group
from settings.scalars import Public, Secret, Text, Whole, text

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_SOURCES = "write certificate and key, or certificateFile and keyFile, or acme, or none of them for a self-signed one"


class Acme(Group):
    """A certificate authority that issues and renews by itself (RFC 8555), by the HTTP challenge on port 80."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$"), BeforeValidator(text)] = Field(
        description="address that the authority writes to", json_schema_extra=NONE
    )
    directory: Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.:/_-]+$"), BeforeValidator(text)] = Field(
        LETS_ENCRYPT,
        description="directory URL of the authority; whoever uses it accepts the authority's terms of service",
        json_schema_extra=NONE,
    )
    authority: Text = Field(
        "",
        description="PEM to trust when the client speaks to the directory of a private authority",
        json_schema_extra=NONE,
    )
    renew: Whole = Field(
        30, ge=1, le=60, description="days before its end at which a certificate is renewed", json_schema_extra=NONE
    )


class Tls(Group):
    """TLS as clients see it. Certificate and key are PEM; intermediate certificates stand behind the server's own."""

    profile: Literal["intermediate", "modern"] = Field(
        "intermediate",
        description="Mozilla's profile: intermediate is TLS 1.2 and 1.3, modern is TLS 1.3 alone",
        json_schema_extra=RELOAD,
    )
    certificate: Public = Field(None, description="the certificate and its chain", json_schema_extra=RELOAD)
    key: Secret = Field(None, description="the private key of the certificate; a secret", json_schema_extra=RELOAD)
    certificate_file: Text | None = Field(
        None, description="path of the certificate, from the project's folder", json_schema_extra=RELOAD
    )
    key_file: Text | None = Field(
        None, description="path of the key, from the project's folder; never commit it", json_schema_extra=RELOAD
    )
    acme: Acme | None = Field(
        None, description="a certificate that an authority issues and renews", json_schema_extra=RESTART_EDGE
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = self.model_fields_set - {"profile"}
        if given not in (set(), {"certificate", "key"}, {"certificate_file", "key_file"}, {"acme"}):
            raise ValueError(f"names half of a certificate, or two sources of one: {_SOURCES}")
        return self
