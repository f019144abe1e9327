"""The audited stack's program: the usual one, with the headers of production (a development stack sends no HSTS).

The production profile refuses images that were built on this machine, and an nginx with known faults. So this program
renders the edge's configuration alone as in production.
"""

import runpy
from collections.abc import Mapping

import render.nginx
from settings import Settings
from workloads.colour import Colour
from workloads.way import Way

as_configured = render.nginx.render


def as_in_production(settings: Settings, running: Mapping[Colour, Way] | None = None) -> render.nginx.EdgeConfig:
    return as_configured(settings.model_copy(update={"profile": "production"}), running)


render.nginx.render = as_in_production
runpy.run_path("stack.py")
