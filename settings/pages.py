"""The settings of the pages for operators."""

from pydantic import Field

from settings.effect import NONE
from settings.group import Group, Port


class Pages(Group):
    """Status page, Prometheus, Alertmanager, Grafana, logs: all of them behind one port of the host's loopback."""

    port: Port = Field(
        9080, description="port on the host's loopback for the pages of monitoring and logs", json_schema_extra=NONE
    )
