"""The stores that secret values come from, and how the stack uses the values.

A setting that takes a secret takes it as a Pulumi secret, or as `{from: <store>, key: <name>}`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from settings.effect import NONE, RELEASE
from settings.group import Group
from settings.references import STORES, Reference
from settings.scalars import PulumiSecret, Secret, Table, text
from settings.values import Duration

SHORTEST = 32
"""Characters of the release key: 32 hex digits are 128 random bits."""

# A token or a value must not cross a network in plain text.
Url = Annotated[
    str,
    StringConstraints(pattern=r"^(https://[^\s/@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/[^\s@]*)?$"),
    BeforeValidator(text),
]
Word = Annotated[str, StringConstraints(pattern=r"^[^\s#]+$"), BeforeValidator(text)]


def _long(value: Any) -> Any:
    """The message must not show the key."""
    if isinstance(value, SecretStr) and len(value.get_secret_value()) < SHORTEST:
        raise ValueError(f"is too short: {SHORTEST} random characters or more, as from `openssl rand -hex 32`")
    return value


class Doppler(Group):
    """Doppler's API. A service token belongs to one config; another token needs `project` and `config`."""

    project: Word | None = Field(None, description="project of the secrets", json_schema_extra=NONE)
    config: Word | None = Field(None, description="config of the secrets, as `prd`", json_schema_extra=NONE)
    token: PulumiSecret = Field(
        None, description="a Pulumi secret; without it the environment variable DOPPLER_TOKEN", json_schema_extra=NONE
    )
    url: Url = Field("https://api.doppler.com", description="base URL of the API", json_schema_extra=NONE)


class Aws(Group):
    """AWS Secrets Manager. The credentials are those of the AWS SDK: environment, profile, role of the machine."""

    region: Word | None = Field(
        None, description="region of the secrets; without it the AWS SDK's own", json_schema_extra=NONE
    )
    endpoint: Url | None = Field(
        None, description="URL of the service, where it is not the region's own", json_schema_extra=NONE
    )


class AppRole(Group):
    """A machine's login to Vault."""

    role_id: Word = Field(description="id of the role", json_schema_extra=NONE)
    secret_id: PulumiSecret = Field(
        None,
        description="a Pulumi secret; without it the environment variable VAULT_SECRET_ID",
        json_schema_extra=NONE,
    )
    mount: Word = Field("approle", description="path of the auth method", json_schema_extra=NONE)


class Vault(Group):
    """HashiCorp Vault or OpenBao, secrets engine KV version 2."""

    address: Url = Field(description="URL of the server", json_schema_extra=NONE)
    mount: Word = Field("secret", description="path of the secrets engine", json_schema_extra=NONE)
    namespace: Word | None = Field(
        None,
        description="namespace of the secrets engine; without it the environment variable VAULT_NAMESPACE",
        json_schema_extra=NONE,
    )
    token: PulumiSecret = Field(
        None,
        description="a Pulumi secret; without it the environment variable VAULT_TOKEN, or the file ~/.vault-token",
        json_schema_extra=NONE,
    )
    app_role: AppRole | None = Field(None, description="login by AppRole in place of a token", json_schema_extra=NONE)


class Secrets(Group):
    """The stores of secret values. The stores `command` and `file` need no settings."""

    release_key: Annotated[Secret, AfterValidator(_long)] = Field(
        None,
        description="a secret that keys the ids of releases, so that an id does not confirm a guess of a value; "
        "`openssl rand -hex 32` makes one",
        json_schema_extra=RELEASE,
    )
    on_preview: Literal["fail", "placeholder"] = Field(
        "fail",
        description="what a preview does that cannot ask a store; with placeholders it shows a release of every secret",
        json_schema_extra=NONE,
    )
    timeout: Annotated[Duration, Field(ge=1, le=600)] = Field(
        30, description="longest time that a store gets for all its values, retries included", json_schema_extra=NONE
    )
    doppler: Doppler = Doppler()
    aws: Aws = Aws()
    vault: Vault | None = Field(None, description="the Vault server", json_schema_extra=NONE)
    pulumi: Table[Word, PulumiSecret] = Field(
        default_factory=dict,
        description="values by name, each a Pulumi secret, for `{from: pulumi, key: <name>}`; a changed value does "
        "what a change of the setting with that reference does",
        json_schema_extra=RELEASE,
    )

    def conflicts(self, stack: str, used: list[tuple[str, Reference]], *, keyed: bool) -> Iterator[str]:
        """What is wrong beside the references that the stack has; a store that none of them names, too. `keyed`: a
        secret is part of a release."""
        encrypt = f"`pulumi config set --secret --stack {stack} --path"
        stores = {reference.store for _, reference in used}
        if keyed and self.release_key is None and "release_key" not in self.model_fields_set:
            yield (
                "secrets.releaseKey: api.secrets needs it, for it keys the ids of releases; run "
                f"{encrypt} secrets.releaseKey $(openssl rand -hex 32)`"
            )
        if not keyed and "release_key" in self.model_fields_set:
            yield "secrets.releaseKey: has no effect without api.secrets; remove it"
        for store in STORES:
            if store in self.model_fields_set and store not in stores:
                yield (
                    f"secrets.{store}: has no effect, because no secret says `from: {store}`. If one should, its "
                    "reference may be encrypted (`secure:` in the file): set the reference again with --plaintext, "
                    f"without --secret. If none should, remove secrets.{store}"
                )
        for name, key in (("on_preview", "onPreview"), ("timeout", "timeout")):
            if name in self.model_fields_set and not stores - {"pulumi"}:
                yield f"secrets.{key}: has no effect, because no secret comes from a store; remove it"
        if "vault" in stores and self.vault is None:
            yield "secrets.vault.address: is required for `from: vault`"
        if self.vault and self.vault.app_role and "token" in self.vault.model_fields_set:
            yield "secrets.vault: token and appRole are two logins; remove one"
        for where, reference in used:
            if reference.store == "pulumi" and reference.key not in self.pulumi:
                yield (
                    f"{where}: there is no secrets.pulumi.{reference.key}; run "
                    f"{encrypt} secrets.pulumi.{reference.key}`"
                )
