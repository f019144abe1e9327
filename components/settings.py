"""The stack's settings, from Pulumi's configuration."""

from typing import Any

import pulumi
from pulumi.runtime import config

from settings import Settings, SettingsError, load


def stack_settings() -> Settings:
    """Load the settings of the running stack. Raises `pulumi.RunError`, which prints without a traceback."""
    try:
        return load(pulumi.get_stack(), _values())
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def _values() -> dict[str, Any]:
    """Every key of this project: `pulumi.Config` can only be asked for keys it is told, and a misspelt one is not."""
    prefix = f"{pulumi.get_project()}:"
    found = {**config.get_config_env(), **config.CONFIG.get()}
    return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
