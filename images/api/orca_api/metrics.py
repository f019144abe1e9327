"""What Prometheus reads from /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from orca_api import __version__
from orca_api.record import PATHS, Record
from orca_api.settings import Settings

TIMES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics:
    def __init__(self, settings: Settings) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        info = Info("orca_api", "What runs here.", registry=self.registry)
        info.info({"version": __version__, "colour": settings.colour, "release": settings.release})
        self.requests = Counter(
            "orca_api_requests", "Requests by path and status.", ["path", "status"], registry=self.registry
        )
        self.in_flight = Gauge("orca_api_in_flight_completions", "Completions that run now.", registry=self.registry)
        self.seconds = Histogram(
            "orca_api_request_seconds", "Duration of requests.", ["path"], buckets=TIMES, registry=self.registry
        )
        self.first_token = Histogram(
            "orca_api_time_to_first_token_seconds",
            "From the request to the first event of a streamed completion.",
            buckets=TIMES,
            registry=self.registry,
        )
        self.speed = Histogram(
            "orca_api_tokens_per_second",
            "Speed of streamed completions after their first token, where the client asked for the usage.",
            buckets=SPEEDS,
            registry=self.registry,
        )
        self.tokens = Counter(
            "orca_api_tokens", "Tokens, as far as Ollama told them.", ["kind"], registry=self.registry
        )
        self.truncated = Counter(
            "orca_api_truncated_streams", "Streams that ended without their end mark.", registry=self.registry
        )
        self.client_left = Counter(
            "orca_api_clients_left", "Completions whose client left before their end.", registry=self.registry
        )
        # rate() sees the first error only if the series was there before it.
        for path in PATHS:
            for status in ("200", "500", "502", "503", "504"):
                self.requests.labels(path, status)

    def observe(self, record: Record) -> None:
        self.requests.labels(record.endpoint, str(record.status)).inc()
        self.seconds.labels(record.endpoint).observe(record.duration)
        if record.time_to_first_token is not None:
            self.first_token.observe(record.time_to_first_token)
        if record.tokens_per_second is not None:
            self.speed.observe(record.tokens_per_second)
        self.tokens.labels("prompt").inc(record.prompt_tokens or 0)
        self.tokens.labels("completion").inc(record.completion_tokens or 0)
        if record.outcome == "truncated":
            self.truncated.inc()
        if record.outcome == "client_left":
            self.client_left.inc()
