"""The settings of logs: the key `logging`. A module of that name would hide Python's own from every step."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from settings.effect import NONE
from settings.group import Group, Off
from settings.scalars import Secret, Text, Whole, text
from settings.values import MIB, Cpus, Memory, Size


def _without_login(value: str) -> str:
    if "@" in value.split("/")[2]:
        raise ValueError(
            "has a user or a password in it, which would be in plain text on the host; write the URL without, and "
            "give the sink's own secret (apiKey, or authorization of otlp)"
        )
    return value


Url = Annotated[
    str,
    AfterValidator(_without_login),
    StringConstraints(pattern=r"^https?://[^\s'\"]+$"),
    BeforeValidator(text),
]


class VictoriaLogs(Group):
    """The log store of the stack itself."""

    retention_days: Whole = Field(7, ge=1, le=3650, description="days for which logs are kept", json_schema_extra=NONE)
    disk: Size = Field(2048 * MIB, description="disk space for logs; the oldest go first", json_schema_extra=NONE)
    memory: Memory = Field(128 * MIB, description="memory limit of the log store", json_schema_extra=NONE)


class Elasticsearch(Group):
    """An Elasticsearch or OpenSearch cluster."""

    url: Url = Field(description="URL of the cluster", json_schema_extra=NONE)
    index: Text = Field("orca-agents", description="index or data stream that logs go to", json_schema_extra=NONE)
    api_key: Secret = Field(
        None, description="a secret; API key of the cluster, in its encoded form", json_schema_extra=NONE
    )


class Datadog(Group):
    """Datadog."""

    site: Text = Field("datadoghq.com", description="site of the account", json_schema_extra=NONE)
    api_key: Secret = Field(description="a secret; API key of the account", json_schema_extra=NONE)
    url: Url | None = Field(
        None, description="URL of the log intake, where it is another than the site's", json_schema_extra=NONE
    )


class Otlp(Group):
    """Anything that takes logs by OTLP over HTTP, as Loki does."""

    url: Url = Field(description="URL that logs are posted to, with its path", json_schema_extra=NONE)
    authorization: Secret = Field(
        None, description="a secret; value of the header Authorization", json_schema_extra=NONE
    )


class Sinks(Group):
    """Where logs go. Several at once get all of them."""

    victorialogs: Annotated[VictoriaLogs | None, Off] = Field(
        VictoriaLogs(), description="the log store of the stack itself; off for none", json_schema_extra=NONE
    )
    elasticsearch: Elasticsearch | None = None
    datadog: Datadog | None = None
    otlp: Otlp | None = None


class Logs(Group):
    """The collector and what it feeds. No change of it touches a container that serves requests."""

    sinks: Sinks = Sinks()
    memory: Memory = Field(192 * MIB, description="memory limit of the collector", json_schema_extra=NONE)
    cpus: Cpus = Field(
        Decimal("0.1"),
        description="CPU limit of the collector; a tenth reads about 1,500 requests a second",
        json_schema_extra=NONE,
    )
