"""The stack as it is deployed, answering with the headers of production: a development stack sends no HSTS.

Production takes no image that was built on this machine, so the profile is changed behind the settings' validation.
"""

import runpy

import components.settings
from settings import Settings

as_configured = components.settings.stack_settings


def as_in_production() -> Settings:
    return as_configured().model_copy(update={"profile": "production"})


components.settings.stack_settings = as_in_production
runpy.run_path("stack.py")
