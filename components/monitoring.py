"""The files of the monitoring, for the volumes of its containers."""

import pulumi

from components.storage import Contents
from render import monitoring
from settings import Settings


def monitoring_files(settings: Settings) -> Contents:
    """Configuration as it is, and the keys of receivers and sinks as secrets."""
    secret = {
        volume: {name: pulumi.Output.secret(text) for name, text in files.items()}
        for volume, files in monitoring.secrets(settings).items()
    }
    return {**monitoring.render(settings), **secret}
