"""What makes a model work: passes its answer on from Ollama, streamed or whole, as long as the client is there."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orca_api import record as records
from orca_api import sse
from orca_api.errors import ApiError, body
from orca_api.metrics import Metrics
from orca_api.ollama import Ollama, read
from orca_api.record import Record
from orca_api.settings import Settings

ASKS = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/embeddings": "input"}
"""The paths, and the field in which each of them has what the model is asked."""

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Completions:
    """An ASGI application: a stream is sent piece by piece, and the place in the queue is held until its very end."""

    def __init__(self, settings: Settings, ollama: Ollama, metrics: Metrics) -> None:
        self._settings, self._ollama, self._metrics = settings, ollama, metrics
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = records.of(scope)
        try:
            content = await body_of(Request(scope, receive), self._settings.max_body_bytes)
            record.model, record.stream = validate(content, ASKS[record.path])
            with self._place():
                stayed = await while_connected(receive, self._answer(content, record, scope, receive, send))
        except ClientDisconnect:
            stayed = False
        if not stayed:
            record.outcome = "client_left"

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._running >= self._settings.max_in_flight:
            raise ApiError(503, f"{self._running} completions are running already; try again shortly", "overloaded")
        self._running += 1
        self._metrics.in_flight.inc()
        try:
            yield
        finally:
            self._running -= 1
            self._metrics.in_flight.dec()

    async def _answer(self, content: bytes, record: Record, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._ollama.completion(record.path, content, record.request_id) as answer:
            if record.stream:
                await pass_stream(answer, record, send)
            else:
                document = await read(answer)
                note_usage(record, sse.usage(document))
                await Response(document, media_type="application/json")(scope, receive, send)


async def pass_stream(answer: httpx.Response, record: Record, send: Send) -> None:
    """Every piece goes out as it comes. A stream that breaks gets an error event and no end mark."""
    reader = sse.StreamReader()
    await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
    try:
        async for piece in answer.aiter_raw():
            reader.feed(piece)
            if reader.started and record.first_token is None:
                record.first_token = time.monotonic()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except httpx.HTTPError as error:
        record.detail = f"{type(error).__name__}: {error}"
    note_usage(record, reader.usage)
    last = b""
    if not reader.done:
        record.outcome = "truncated"
        broken = ApiError(502, "the connection to Ollama broke before the answer was complete", "ollama_broke_off")
        last = b"data: " + json.dumps(body(broken)).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": last, "more_body": False})


def note_usage(record: Record, usage: dict[str, Any]) -> None:
    record.prompt_tokens = sse.tokens(usage, "prompt")
    record.completion_tokens = sse.tokens(usage, "completion")


async def body_of(request: Request, limit: int) -> bytes:
    """The request's body. Raises ApiError above `limit` bytes, ClientDisconnect if the client leaves before its end."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            raise ApiError(413, f"the request is larger than {limit} bytes", "request_too_large")
    return bytes(content)


def validate(content: bytes, asked: str) -> tuple[str, bool]:
    """Model and whether a stream is wanted; the rest is Ollama's to judge. `asked` is the field that must not be empty.
    Raises ApiError."""
    try:
        request = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the request is not valid JSON", "invalid_json") from error
    if not isinstance(request, dict):
        raise ApiError(400, "the request must be a JSON object", "invalid_json")
    model, content_of, stream = request.get("model"), request.get(asked), request.get("stream")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "model must be the name of a model", "invalid_request", "model")
    if asked == "messages" and not isinstance(content_of, list):
        raise ApiError(400, "messages must be a list with at least one message", "invalid_request", asked)
    if not isinstance(content_of, list | str) or not content_of:
        raise ApiError(400, f"{asked} must be a text or a list, and not empty", "invalid_request", asked)
    if stream not in (None, True, False):
        raise ApiError(400, "stream must be true or false", "invalid_request", "stream")
    return model, stream is True


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> bool:
    """Does the work, but drops it when the client leaves. True if it came to its end; errors in it are raised."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        for future in (task, gone):
            future.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
