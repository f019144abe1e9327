"""Renders the configuration of the monitoring from the templates in monitoring/.

They write `[[ ]]` and `[% %]` for Jinja, because the braces of Prometheus and Alertmanager stay as they are.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from render.sinks import sinks
from settings import Settings
from settings.monitoring import Monitoring
from workloads import (
    alertmanager,
    api,
    blackbox,
    cadvisor,
    collector,
    edge,
    grafana,
    ollama,
    pages,
    places,
    prometheus,
    victorialogs,
)
from workloads.colour import COLOURS, Colour
from workloads.network import address
from workloads.storage import Value
from workloads.way import Way

TEMPLATES = Path(__file__).parent.parent / "monitoring"
_GENERATE_EVERY = 300  # seconds; the probe loads the model
_HANGS = 1800  # seconds that a phase of a release takes beyond its own waits, such as a pull of an image

Files = Mapping[str, Mapping[str, str]]
"""The name of a volume on the host, to the text of each file by its path inside."""


def render(settings: Settings, running: Mapping[Colour, Way] | None = None) -> Files:
    """The files of every part of the monitoring that the settings ask for. `running` are the ways to the colours that
    run; any other colour is to have the way that the settings describe."""
    wanted = api.way(settings.api)
    values = _values(settings, {colour: (running or {}).get(colour, wanted) for colour in COLOURS})
    found: dict[str, Mapping[str, str]] = {}
    if settings.monitoring:
        rules = {f"rules/{path.stem}": _text(f"rules/{path.name}", values) for path in (TEMPLATES / "rules").iterdir()}
        found[prometheus.config(settings).name] = {"prometheus.yml": _text("prometheus.yml.j2", values), **rules}
        found[alertmanager.config(settings).name] = {"alertmanager.yml": _text("alertmanager.yml.j2", values)}
        found[blackbox.config(settings).name] = {"blackbox.yml": _text("blackbox.yml.j2", values)}
    if grafana.server(settings):
        dashboards = {f"dashboards/{path.name}": path.read_text() for path in (TEMPLATES / "dashboards").iterdir()}
        found[grafana.config(settings).name] = {
            "grafana.ini": _text("grafana/grafana.ini.j2", values),
            "provisioning/datasources/prometheus.yml": _text("grafana/datasources.yml.j2", values),
            "provisioning/dashboards/files.yml": _text("grafana/dashboards.yml.j2", values),
            **dashboards,
        }
    if collector.is_wanted(settings):
        found[collector.config(settings).name] = {"collector.yml": _text("collector.yml.j2", values)}
    if pages.server(settings):
        www = {f"www/{path.name}": path.read_text() for path in (TEMPLATES / "status").iterdir()}
        found[pages.config(settings).name] = {"nginx.conf": _text("pages.conf.j2", values), **www}
    return found


def secrets(settings: Settings) -> Mapping[str, Mapping[str, Value]]:
    """The secret files of receivers and sinks, as `render` gives the others."""
    found: dict[str, Mapping[str, Value]] = {}
    if settings.monitoring:
        notify = settings.monitoring.notify
        given: dict[str, Value] = {
            name: getattr(notify, name) for name in ("webhook", "slack", "pagerduty", "heartbeat") if notify.has(name)
        }
        if notify.email and notify.email.has("password"):
            given["email"] = notify.email.password
        found[alertmanager.secrets(settings).name] = given
    if settings.logging:
        found[collector.secrets(settings).name] = {
            name: value for sink in sinks(settings) for name, value in sink.secrets.items()
        }
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the output is configuration, not HTML, and every value is a validated setting
    )
    environment.filters["regex"] = re.escape
    return environment


def _text(template: str, values: Mapping[str, object]) -> str:
    return _environment().get_template(template).render(**values)


def _values(settings: Settings, ways: Mapping[Colour, Way]) -> Mapping[str, object]:
    monitoring = settings.monitoring or Monitoring()
    listen = collector.listen(settings)
    targets = {
        "prometheus": prometheus.target(settings),
        "alertmanager": alertmanager.target(settings),
        "blackbox": blackbox.target(settings),
        "cadvisor": cadvisor.target(settings),
        "collector": f"{listen}:{collector.OWN}",
        "requests": f"{listen}:{collector.DERIVED}",
        "releases": f"{pages.listen(settings)}:{pages.RELEASES}",
        "grafana": grafana.target(settings) if grafana.server(settings) else "",
        "victorialogs": victorialogs.target(settings) if victorialogs.server(settings) else "",
    }
    probes = _probes(settings, monitoring, ways)
    return {
        "stack": settings.stack,
        "monitoring": settings.monitoring is not None,
        "interval": monitoring.interval,
        "alerts": monitoring.alerts,
        "notify": monitoring.notify,
        "runbooks": f"{monitoring.alerts.runbooks.rstrip('/')}/" if monitoring.alerts.runbooks else "docs/runbooks/",
        "routes": {
            "prometheus": prometheus.ROUTE,
            "alertmanager": alertmanager.ROUTE,
            "grafana": grafana.ROUTE,
            "logs": victorialogs.ROUTE,
        },
        "grafana": {"config": grafana.CONFIG, "port": grafana.PORT, "address": grafana.listen(settings)},
        "published": settings.pages.port,
        "targets": targets,
        "probes": probes,
        "one_shots": f"{ollama.INIT}|{api.BEFORE}",  # each update starts them again
        "jobs": [*(job for job, target in targets.items() if target), *(probe["job"] for probe in probes)],
        "probe": blackbox.source(settings),
        "models": [model.shown for model in settings.ollama_models],
        "generate": _generate(settings) if monitoring.generate else "",
        "stuck": _HANGS + settings.rollout.drain_timeout + settings.rollout.gate_timeout + settings.rollout.watch,
        "gpu": settings.gpu != "none",
        "edge_name": "" if settings.edge.proxy_protocol else settings.edge.hostname,
        "colours": {colour: _any(api.upstreams(settings, colour, way)) for colour, way in ways.items()},
        "sinks": sinks(settings),
        "read": ".+" if sinks(settings) else f"({edge.SERVICE}|{ollama.SERVICE})",
        "receivers": ["file_log", *(["file_log/rollout"] if sinks(settings) else [])],
        "exporters": [
            *(sink.name for sink in sinks(settings)),
            *(["signal_to_metrics"] if settings.monitoring else []),
        ],
        "secrets": alertmanager.SECRETS,
        "listen": listen,
        "ports": {"health": collector.HEALTH, "own": collector.OWN, "derived": collector.DERIVED},
        "data": collector.DATA,
        "logs": collector.LOGS,
        "pages": pages.PAGES,
        "config": pages.CONFIG,
        "state": places.STATE,
    }


def _probes(settings: Settings, monitoring: Monitoring, ways: Mapping[Colour, Way]) -> list[dict[str, Any]]:
    """What the blackbox exporter is to ask: the model server, each container of each colour, and the edge."""
    model = f"http://{address(settings, 'model', ollama.HOST)}:{ollama.PORT}"
    asked = [
        {"url": f"http://{upstream}{way.readiness}", "service": "api", "colour": colour}
        for colour, way in ways.items()
        for upstream in api.upstreams(settings, colour, way)
    ]
    probes: list[dict[str, Any]] = [
        {"job": "ollama", "module": "ollama", "timeout": 5, "targets": [_ollama(f"{model}/api/version")]},
        {"job": "models", "module": "models", "timeout": 5, "targets": [_ollama(f"{model}/api/tags")]},
        {"job": "api", "module": "api", "timeout": 5, "targets": asked},
    ]
    if not settings.edge.proxy_protocol:
        url = f"https://{address(settings, 'app-network', 5)}:{places.HTTPS}{settings.api.paths[0]}"
        probes.append({"job": "edge", "module": "edge", "timeout": 5, "targets": [{"url": url, "service": "nginx"}]})
    if settings.gpu != "none":
        probes.append({"job": "gpu", "module": "gpu", "timeout": 5, "targets": [_ollama(f"{model}/api/ps")]})
    if monitoring.generate:
        every = {"interval": _GENERATE_EVERY, "timeout": 60, "targets": [_ollama(f"{model}/api/generate")]}
        probes.append({"job": "generate", "module": "generate", **every})
    return probes


def _ollama(url: str) -> dict[str, str]:
    return {"url": url, "service": "ollama"}


def _generate(settings: Settings) -> str:
    model = next(iter(settings.preloaded), settings.ollama_models[0])
    return json.dumps({"model": model.shown, "prompt": "a", "stream": False, "options": {"num_predict": 1}})


def _any(servers: tuple[str, ...]) -> str:
    """A pattern for a line that names one of these servers."""
    return "|".join(f"//{server.replace('.', '[.]')}/" for server in servers)
