"""The settings of metrics and alerts."""

from pydantic import Field

from settings.effect import NONE
from settings.group import Group
from settings.values import Duration


class Monitoring(Group):
    """Prometheus and what it asks. No change of it touches a container that serves requests."""

    interval: Duration = Field(
        15, ge=5, le=60, description="time between two looks at every target", json_schema_extra=NONE
    )
