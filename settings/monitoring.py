"""The settings of metrics and alerts."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from settings.effect import NONE
from settings.group import Group, Hostname, Port
from settings.scalars import Secret, Text, Whole, text, whole
from settings.values import MIB, Duration, Memory

Ratio = Annotated[Decimal, Field(gt=0, le=1), BeforeValidator(whole)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s'\"]+$"), BeforeValidator(text)]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@'\"]+@[^\s@'\"]+$"), BeforeValidator(text)]


class Alerts(Group):
    """From where on an alert fires."""

    ollama_down: Duration = Field(
        120, ge=30, description="time for which the model server may be away", json_schema_extra=NONE
    )
    error_ratio: Ratio = Field(
        Decimal("0.05"), description="share of API requests that may fail", json_schema_extra=NONE
    )
    first_token: Duration = Field(
        30,
        ge=1,
        le=59,  # the histogram of monitoring/collector.yml.j2 tells no times above a minute apart
        description="time to the first token of a stream that one completion of twenty may exceed",
        json_schema_extra=NONE,
    )
    memory_ratio: Ratio = Field(
        Decimal("0.9"), description="share of its memory limit that a container may use", json_schema_extra=NONE
    )
    cpu_ratio: Ratio = Field(
        Decimal("0.9"), description="share of its CPU limit that a container may use", json_schema_extra=NONE
    )
    disk_ratio: Ratio = Field(
        Decimal("0.9"), description="share of a disk of the host that may be full", json_schema_extra=NONE
    )
    certificate_days: Whole = Field(14, ge=1, description="days before the certificate ends", json_schema_extra=NONE)
    hold: Duration = Field(
        300,
        ge=15,
        description="time for which a state of memory, disk, standby, release or logs lasts before it is an alert",
        json_schema_extra=NONE,
    )
    runbooks: Url | None = Field(
        None,
        description="URL of docs/runbooks/ as your people see it; without it, an alert names the file",
        json_schema_extra=NONE,
    )


class Email(Group):
    """Alerts by e-mail."""

    to: Address = Field(description="recipient of alerts", json_schema_extra=NONE)
    sender: Address = Field(description="address that they come from", json_schema_extra=NONE)
    host: Hostname = Field(description="name of the mail server", json_schema_extra=NONE)
    port: Port = Field(587, description="port of the mail server, with STARTTLS", json_schema_extra=NONE)
    user: Text | None = Field(None, description="account on the mail server", json_schema_extra=NONE)
    password: Secret = Field(None, description="a secret; the account's password", json_schema_extra=NONE)


class Notify(Group):
    """Who is told of an alert. Every one that is named gets all of them."""

    webhook: Secret = Field(
        None, description="a secret; URL that gets alerts as Alertmanager's JSON", json_schema_extra=NONE
    )
    slack: Secret = Field(None, description="a secret; URL of an incoming webhook of Slack", json_schema_extra=NONE)
    pagerduty: Secret = Field(
        None, description="a secret; routing key of PagerDuty's Events API v2", json_schema_extra=NONE
    )
    email: Email | None = None
    heartbeat: Secret = Field(
        None,
        description="a secret; URL that is called every minute while the alerting works, for a dead man's switch",
        json_schema_extra=NONE,
    )

    @property
    def named(self) -> bool:
        """Whether there is anybody to tell."""
        return any((self.webhook, self.slack, self.pagerduty, self.email))


class Monitoring(Group):
    """Prometheus and what it asks. No change of it touches a container that serves requests."""

    interval: Duration = Field(
        15, ge=5, le=60, description="time between two looks at every target", json_schema_extra=NONE
    )
    retention_days: Whole = Field(
        15, ge=1, le=3650, description="days for which metrics are kept", json_schema_extra=NONE
    )
    memory: Memory = Field(384 * MIB, description="memory limit of Prometheus", json_schema_extra=NONE)
    generate: bool = Field(
        False,
        description="let the model answer one token every five minutes, as a probe; it is loaded for it",
        json_schema_extra=NONE,
    )
    grafana: bool = Field(
        False,
        description="run Grafana with the dashboards of monitoring/dashboards/, on the pages",
        json_schema_extra=NONE,
    )
    alerts: Alerts = Alerts()
    notify: Notify = Notify()
