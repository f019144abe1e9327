"""Around every request: gives it its id and its record, and closes the record when the answer ends, however it ends."""

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orca_api import logs, record
from orca_api.metrics import Metrics


class Recorder:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id")
        entry = scope[record.KEY] = record.Record(record.request_id(offered), scope["method"], scope["path"])

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = entry.request_id
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:  # the time to drain is over
            entry.outcome = "truncated"
            entry.status = entry.status or 503
            raise
        except Exception as error:
            entry.outcome, entry.detail = "crashed", type(error).__name__
            entry.status = entry.status or 500
            raise
        finally:
            if not entry.status:
                entry.status = 499
            entry.duration = time.monotonic() - entry.started
            self._metrics.observe(entry)
            logs.write(entry)
