"""What is known about one request: filled in by whoever handles it; at its end, a log line and a few metrics."""

import re
import time
import uuid
from dataclasses import dataclass, field

from starlette.types import Scope

KEY = "orca.record"
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MODEL = "/v1/models/{id}"
PATHS = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/models",
        MODEL,
        "/healthz",
        "/readyz",
        "/version",
        "/metrics",
    }
)


@dataclass
class Record:
    """`status` is 0 until the response starts; 499 is written for a client that left before. Times are in seconds."""

    request_id: str
    method: str
    path: str
    started: float = field(default_factory=time.monotonic)
    status: int = 0
    model: str | None = None
    stream: bool | None = None
    outcome: str = "complete"  # or: truncated, client_left, crashed
    detail: str | None = None
    first_token: float | None = None  # on the monotonic clock
    duration: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def endpoint(self) -> str:
        """The path as a label: one of a fixed few."""
        if self.path.startswith("/v1/models/"):
            return MODEL
        return self.path if self.path in PATHS else "other"

    @property
    def time_to_first_token(self) -> float | None:
        return None if self.first_token is None else self.first_token - self.started

    @property
    def tokens_per_second(self) -> float | None:
        """Speed of the answer after its first token; known where Ollama told how many tokens a stream had."""
        if self.first_token is None or not self.completion_tokens or self.completion_tokens < 2:
            return None
        generating = self.started + self.duration - self.first_token
        return (self.completion_tokens - 1) / generating if generating > 0 else None


def request_id(offered: str | None) -> str:
    """The id that came with a request if it is fit for a log line, else a new one."""
    return offered if offered and SANE_ID.fullmatch(offered) else uuid.uuid4().hex


def of(scope: Scope) -> Record:
    record = scope[KEY]
    assert isinstance(record, Record)
    return record
