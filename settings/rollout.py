"""The settings of a release: how it goes live."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from settings.effect import NONE, RELOAD
from settings.group import Group
from settings.references import Reference
from settings.scalars import Secret, Whole, whole
from settings.values import Duration

SHORTEST = 24
"""Characters of a preview key."""


def _long(value: SecretStr | Reference | None) -> SecretStr | Reference | None:
    """The message must not show the key."""
    if isinstance(value, SecretStr) and len(value.get_secret_value()) < SHORTEST:
        raise ValueError(f"is too short: {SHORTEST} random characters or more, as from `openssl rand -hex 16`")
    return value


class Rollout(Group):
    """How a release goes live."""

    drain_timeout: Duration = Field(
        300,
        description="longest wait for the requests in flight on the idle colour, before a release replaces it",
        json_schema_extra=NONE,
    )
    gate_passes: Whole = Field(
        3, ge=1, le=100, description="readiness passes in a row before the flip", json_schema_extra=NONE
    )
    gate_timeout: Duration = Field(
        180, ge=1, description="longest wait for the readiness passes; then the release fails", json_schema_extra=NONE
    )
    watch: Duration = Field(
        30, description="time for which the rollout watches a new colour after the flip", json_schema_extra=NONE
    )
    error_ratio: Annotated[Decimal, Field(gt=0, le=1), BeforeValidator(whole)] = Field(
        Decimal("0.05"),
        description="share of 5xx answers, during rollout.watch, at which the rollout flips back",
        json_schema_extra=NONE,
    )
    promote: Literal["auto", "manual"] = Field(
        "auto",
        description="auto: the release flips after the gate; manual: it waits for `python -m rollout promote`",
        json_schema_extra=NONE,
    )
    preview_key: Annotated[Secret, AfterValidator(_long)] = Field(
        None,
        description="a secret; the edge sends a request with this key in X-Orca-Preview to the idle colour. "
        "`openssl rand -hex 16` makes one",
        json_schema_extra=RELOAD,
    )

    @model_validator(mode="after")
    def _a_watch_for_the_ratio(self) -> Self:
        if not self.watch and "error_ratio" in self.model_fields_set:
            raise ValueError("errorRatio has no effect while watch is 0s; remove errorRatio, or let watch be longer")
        return self
