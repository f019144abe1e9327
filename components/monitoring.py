"""The files of the monitoring, for the volumes of its containers, and whom its alerts reach."""

from collections.abc import Mapping

import pulumi

from components.secrets import sealed
from components.storage import Contents
from engine.address import of_stack
from engine.client import data_root
from engine.errors import CommandError
from render import monitoring
from settings import Settings
from workloads import collector
from workloads.colour import Colour
from workloads.way import Way


def alerts_reach_somebody(settings: Settings) -> None:
    """Warn where the alerts of a production stack reach nobody."""
    if settings.profile == "production" and settings.monitoring and not settings.monitoring.notify.named:
        pulumi.log.warn(
            "monitoring.notify names nobody, so alerts stand on the status page alone. "
            "Name a receiver: monitoring.notify.webhook, slack, pagerduty or email."
        )


def logs_are_found(settings: Settings) -> None:
    """Raises `pulumi.RunError` where the engine keeps its log files elsewhere than the collector looks: it would read
    nothing, and nothing would say so. To be called before the first resource is registered."""
    if not collector.is_wanted(settings):
        return
    try:
        found = data_root(of_stack(settings.docker_host))
    except (CommandError, OSError):
        return  # the plan of the release has said that the host does not answer
    if found and found != settings.docker_data_root:
        raise pulumi.RunError(
            f"dockerDataRoot is {settings.docker_data_root}, but the engine keeps its data in {found}: no log would "
            "be read and no request counted. Nothing was changed. "
            f"Run `pulumi config set dockerDataRoot {found}`, then the same command again."
        )


def monitoring_files(settings: Settings, ways: Mapping[Colour, Way]) -> Contents:
    """Configuration as it is, and the keys of receivers and sinks as secrets. `ways` are those of the edge."""
    secret = {
        volume: {name: sealed(value) for name, value in files.items()}
        for volume, files in monitoring.secrets(settings).items()
    }
    return {**monitoring.render(settings, ways), **secret}
