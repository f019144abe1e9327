"""A server that follows Doppler's documented API, as far as a reader of secrets sees it
(docs.doppler.com/reference/secrets-download, …/api-errors)."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DOWNLOAD = "/v3/configs/config/secrets/download"
SERVICE, PERSONAL, OTHER = "dp.st.prd.lab", "dp.pt.lab", "dp.st.other.lab"
"""A token of the config; one of a person, who must name the config; and one that may not read it."""
PROJECT, CONFIG = "orca", "prd"


@dataclass
class DopplerServer:
    """A server at `url`, with `secrets` in the config `prd` of the project `orca`.

    `trouble` is what the next requests are answered with: a status with its `Retry-After` or none, `cut` for an answer
    that ends in the middle, or seconds of delay. `asked` are the query strings that came.
    """

    url: str = ""
    secrets: dict[str, str | None] = field(default_factory=dict)
    trouble: list[tuple[int, str] | str | float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def running() -> Iterator[DopplerServer]:
    """An empty server on a free port of loopback."""
    state = DopplerServer()

    class Handler(_Handler):
        lab = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    lab: DopplerServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.lab.asked.append(parts.query)
        order = self.lab.trouble.pop(0) if self.lab.trouble else 0.0
        if isinstance(order, tuple):
            self._refuse(order[0], "Ordered", retry_after=order[1])
            return
        if isinstance(order, float):
            time.sleep(order)
        status, body = self._answer(parts.path, query)
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if order == "cut" else text)

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in (SERVICE, PERSONAL, OTHER):
            return 401, _error("Invalid Auth token")
        if path != DOWNLOAD:
            return 404, _error("Not found")
        if bearer == OTHER:
            return 403, _error("This token does not have access to requested config 'prd'")
        project, config = query.get("project"), query.get("config")
        if bearer == PERSONAL and not (project and config):
            return 400, _error("You must specify a project")
        if project not in (None, PROJECT) or config not in (None, CONFIG):
            return 404, _error("Could not find requested config")
        own = {"DOPPLER_PROJECT": PROJECT, "DOPPLER_CONFIG": CONFIG, "DOPPLER_ENVIRONMENT": CONFIG}
        return 200, {**own, **self.lab.secrets}

    def _refuse(self, status: int, message: str, *, retry_after: str) -> None:
        text = json.dumps(_error(message)).encode()
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _error(message: str) -> object:
    return {"messages": [message], "success": False}
