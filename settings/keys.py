"""API keys: an id that everybody may see, and one or two secret values that open the edge."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from settings.effect import RELOAD
from settings.group import Group
from settings.references import Reference
from settings.scalars import Items, Secret, Whole, known, text
from settings.values import Rate, UrlPath

CREDENTIALS = ("Authorization", "X-Api-Key", "Api-Key")
"""The headers in which a client sends its key: as OpenAI's, Anthropic's and Azure's packages do."""
SHORTEST, LONGEST = 32, 256
"""Characters of a key. 32 hex digits are 128 random bits."""
_VARIETY = 8  # different characters; 32 random hex digits have fewer once in some ten million
# RFC 6750, section 2.1: what may stand behind `Bearer`.
_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def _strong(value: SecretStr | Reference | None) -> SecretStr | Reference | None:
    """The messages must not show the key."""
    if (key := known(value)) is None:
        return value
    if not SHORTEST <= len(key) <= LONGEST or len(set(key)) < _VARIETY:
        raise ValueError(f"is no key: {SHORTEST} to {LONGEST} random characters are, as from `openssl rand -hex 32`")
    if not _KEY.fullmatch(key):
        raise ValueError("has a character that cannot be sent; letters, digits and . _ ~ + / - can")
    return value


KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"), BeforeValidator(text)]
"""Shown in logs, metrics and to the API in place of the key."""


class ApiKey(Group):
    """One key id, and what its clients may do. Two values are valid at once while a client changes over; no value
    refuses the client."""

    keys: Items[Annotated[Secret, AfterValidator(_strong)]] = Field(
        max_length=2,
        description="up to two values, each a secret; `openssl rand -hex 32` makes one",
        json_schema_extra=RELOAD,
    )
    paths: Items[UrlPath] = Field(
        (),
        description="URL prefixes that the key opens; without any, the key opens all of api.paths",
        json_schema_extra=RELOAD,
    )
    rate: Rate | None = Field(
        None,
        description="completions by time, in place of edge.rateLimit.completions.key",
        json_schema_extra=RELOAD,
    )
    concurrency: Whole | None = Field(
        None,
        ge=1,
        description="completions at once, in place of edge.concurrency.completions.key",
        json_schema_extra=RELOAD,
    )


def distinct(keys: Mapping[str, ApiKey] | None) -> Mapping[str, ApiKey] | None:
    """Refuse a value that two ids have: a request with it would belong to neither."""
    owners: dict[str, str] = {}
    for key_id, key in (keys or {}).items():
        for value in key.keys:
            if (found := known(value)) and (owner := owners.setdefault(found, key_id)) != key_id:
                raise ValueError(f"{owner} and {key_id} have the same value")
    return keys
