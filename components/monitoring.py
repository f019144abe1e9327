"""The files of the monitoring, for the volumes of its containers, and whom its alerts reach."""

from collections.abc import Mapping

import pulumi

from components.secrets import sealed
from components.storage import Contents
from render import monitoring
from settings import Settings
from workloads.colour import Colour
from workloads.way import Way


def alerts_reach_somebody(settings: Settings) -> None:
    """Warn where the alerts of a production stack reach nobody."""
    if settings.profile == "production" and settings.monitoring and not settings.monitoring.notify.named:
        pulumi.log.warn(
            "monitoring.notify names nobody, so alerts stand on the status page alone. "
            "Name a receiver: monitoring.notify.webhook, slack, pagerduty or email."
        )


def monitoring_files(settings: Settings, ways: Mapping[Colour, Way]) -> Contents:
    """Configuration as it is, and the keys of receivers and sinks as secrets. `ways` are those of the edge."""
    secret = {
        volume: {name: sealed(value) for name, value in files.items()}
        for volume, files in monitoring.secrets(settings).items()
    }
    return {**monitoring.render(settings, ways), **secret}
