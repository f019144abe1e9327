"""The audited stack's program: the usual one, with the headers of production (a development stack sends no HSTS).

The production profile refuses images that were built on this machine. So this program changes the profile after the
settings' validation.
"""

import runpy

import components.settings
from settings import Settings

as_configured = components.settings.stack_settings


def as_in_production() -> Settings:
    return as_configured().model_copy(update={"profile": "production"})


components.settings.stack_settings = as_in_production
runpy.run_path("stack.py")
