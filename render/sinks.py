"""Where the collector sends logs, as parts of its configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from settings import Settings
from settings.logs import Datadog, Elasticsearch, Otlp
from workloads import collector, victorialogs
from workloads.storage import Value


@dataclass(frozen=True, kw_only=True)
class Sink:
    """An exporter: its name, its lines of YAML, and the secret files that they name. `batch`: its queue makes batches;
    the others bring batches of their own."""

    name: str
    lines: tuple[str, ...]
    secrets: Mapping[str, Value] = field(default_factory=dict)
    batch: bool = True


def sinks(settings: Settings) -> list[Sink]:
    """Every sink that the settings name."""
    if settings.logging is None:
        return []
    wanted = settings.logging.sinks
    found = [_own(settings)] if wanted.victorialogs else []
    found += [_elasticsearch(wanted.elasticsearch)] if wanted.elasticsearch else []
    found += [_datadog(settings, wanted.datadog)] if wanted.datadog else []
    return found + ([_otlp(wanted.otlp)] if wanted.otlp else [])


def _file(name: str) -> str:
    return f"${{file:{collector.SECRETS}/{name}}}"


def _quoted(text: str) -> str:
    """A text of the operator's for YAML, in which the collector would take what a dollar sign begins for a variable."""
    return json.dumps(text).replace("$", "$$")


def _own(settings: Settings) -> Sink:
    store = victorialogs.target(settings)
    return Sink(
        name="otlp_http/victorialogs",
        lines=(
            f"logs_endpoint: http://{store}{victorialogs.ROUTE}/insert/opentelemetry/v1/logs",
            'headers: {VL-Stream-Fields: "service.name,log.iostream"}',
            "compression: none",  # on the same host it costs more than it saves
        ),
    )


def _otlp(sink: Otlp) -> Sink:
    key = {"otlp": sink.authorization} if sink.has("authorization") else {}
    headers = (f'headers: {{Authorization: "{_file("otlp")}"}}',) if key else ()
    return Sink(name="otlp_http/otlp", lines=(f"logs_endpoint: {_quoted(sink.url)}", *headers), secrets=key)


def _elasticsearch(sink: Elasticsearch) -> Sink:
    key = {"elasticsearch": sink.api_key} if sink.has("api_key") else {}
    secret = (f'api_key: "{_file("elasticsearch")}"',) if key else ()
    return Sink(
        name="elasticsearch",
        lines=(
            f"endpoints: [{_quoted(sink.url)}]",
            f"logs_index: {_quoted(sink.index)}",
            # Elastic's own modes (otel, ecs) ask for a data stream, which OpenSearch does not know.
            "mapping: {allowed_modes: [raw]}",
            *secret,
        ),
        secrets=key,
    )


def _datadog(settings: Settings, sink: Datadog) -> Sink:
    endpoint = (f"logs: {{endpoint: {_quoted(sink.url)}}}",) if sink.url else ()
    key = {"datadog": sink.api_key} if sink.has("api_key") else {}
    return Sink(
        name="datadog",
        lines=(
            f"hostname: {settings.stack}",
            f'api: {{site: {_quoted(sink.site)}, key: "{_file("datadog")}"}}',
            "host_metadata: {enabled: false}",
            *endpoint,
        ),
        secrets=key,
        batch=False,
    )
