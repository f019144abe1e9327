"""The files of the monitoring, for the volumes of its containers."""

from collections.abc import Mapping

from components.secrets import sealed
from components.storage import Contents
from render import monitoring
from settings import Settings
from workloads.colour import Colour
from workloads.way import Way


def monitoring_files(settings: Settings, ways: Mapping[Colour, Way]) -> Contents:
    """Configuration as it is, and the keys of receivers and sinks as secrets. `ways` are those of the edge."""
    secret = {
        volume: {name: sealed(value) for name, value in files.items()}
        for volume, files in monitoring.secrets(settings).items()
    }
    return {**monitoring.render(settings, ways), **secret}
