"""Where the edge's certificate comes from, and how it is used."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from settings.group import Group, Secret

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_SOURCES = "write certificate and key, or certificateFile and keyFile, or acme, or none of them for a self-signed one"


class Acme(Group):
    """A certificate authority that issues and renews by itself (RFC 8555), by the HTTP challenge on port 80."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(
        description="of who is told of trouble"
    )
    directory: Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.:/_-]+$")] = Field(
        LETS_ENCRYPT, description="the authority's directory; the default one's terms of service are thereby accepted"
    )
    authority: str = Field("", description="PEM to trust when speaking to the directory, of a private authority")
    renew: int = Field(30, ge=1, le=60, description="days left of a certificate's life at which it is renewed")


class Tls(Group):
    """TLS as clients see it. Certificate and key are PEM, the certificate with its intermediates behind it."""

    profile: Literal["intermediate", "modern"] = Field(
        "intermediate", description="Mozilla's: TLS 1.2 and 1.3, or 1.3 alone"
    )
    certificate: Secret = None
    key: Secret = Field(None, description="of the certificate; a secret")
    certificate_file: str | None = Field(None, description="path from the project's folder")
    key_file: str | None = Field(None, description="path from the project's folder; never commit it")
    acme: Acme | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = self.model_fields_set - {"profile"}
        if given not in (set(), {"certificate", "key"}, {"certificate_file", "key_file"}, {"acme"}):
            raise ValueError(f"names half of a certificate, or two sources of one: {_SOURCES}")
        return self
