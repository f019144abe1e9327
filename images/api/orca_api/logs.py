"""JSON lines on standard output: one for each request, and what the server has to say. No prompts, no headers."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from orca_api.record import Record

requests = logging.getLogger("orca_api.requests")

# Asked every few seconds by machines; told only when the answer is not the usual one.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "orca_api.logs.JsonFormatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["stdout"], "level": "INFO"},
    # httpx tells each request that it makes: one line for each of ours is enough.
    "loggers": {"httpx": {"level": "WARNING"}},
}


def fields(record: Record) -> dict[str, object]:
    """The line of a request; what is not known is left out."""
    known: dict[str, object | None] = {
        "request_id": record.request_id,
        "method": record.method,
        "path": record.path,
        "status": record.status,
        "duration": round(record.duration, 4),
        "outcome": record.outcome,
        "detail": record.detail,
        "model": record.model,
        "stream": record.stream,
        "ttft": None if record.time_to_first_token is None else round(record.time_to_first_token, 4),
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
    }
    return {name: value for name, value in known.items() if value is not None}


def write(record: Record) -> None:
    if record.path in PROBES and record.status < 400:
        return
    level = logging.WARNING if record.status >= 500 or record.outcome == "truncated" else logging.INFO
    requests.log(level, "request", extra={"fields": fields(record)})
