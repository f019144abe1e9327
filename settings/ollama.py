"""The settings of the model server that the specification leaves open."""

from decimal import Decimal

from pydantic import Field

from settings.effect import NONE, RESTART_OLLAMA
from settings.group import Group
from settings.scalars import Whole
from settings.values import Cpus


class Ollama(Group):
    """What the specification leaves open about the model server."""

    cpus: Cpus = Field(
        Decimal(4),
        description="CPU limit; the server runs one thread for each whole CPU",
        json_schema_extra=RESTART_OLLAMA,
    )
    context_length: Whole | None = Field(
        None,
        ge=256,
        description="tokens of context for each request; without it, Ollama's own default",
        json_schema_extra=RESTART_OLLAMA,
    )
    pids: Whole = Field(512, ge=64, description="limit of processes and threads", json_schema_extra=NONE)
