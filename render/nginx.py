"""Renders the configuration of the edge from the templates in nginx/."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from render.capacity import below, capacity
from render.keys import keys
from render.limits import limits
from settings import Settings
from settings.keys import CREDENTIALS
from settings.scalars import known
from workloads import api, edge, places
from workloads.colour import COLOURS, Colour
from workloads.release import digest
from workloads.way import KEPT_REQUESTS, Way

TEMPLATES = Path(__file__).parent.parent / "nginx"
_PLACEHOLDER = "<config-id>"

# The edge's own refusals: status, error type as in OpenAI's API, message.
ERRORS = (
    (400, "invalid_request_error", "The request is malformed."),
    (401, "authentication_error", "A valid API key is needed: Authorization: Bearer <key>, or X-Api-Key: <key>."),
    (403, "permission_error", "This API key may not ask for this path."),
    (404, "invalid_request_error", "There is nothing at this path."),
    (405, "invalid_request_error", "This method is not allowed here."),
    (408, "invalid_request_error", "The request did not arrive in time."),
    (413, "invalid_request_error", "The request body is too large."),
    (414, "invalid_request_error", "The request line is too long."),
    (421, "invalid_request_error", "This host name is not served here."),
    (429, "rate_limit_error", "Too many requests in this time; try again later."),
    (431, "invalid_request_error", "The headers are too large."),
    (500, "server_error", "The edge failed."),
    (502, "server_error", "The API cannot be reached."),
    (503, "server_error", "Too many requests at once, or the API is not available; try again later."),
    (504, "server_error", "The API did not answer in time."),
)
# nginx may send these before it has read the path.
UNREAD = (400, 405, 414)


# The client's headers that the edge forwards. nginx/snippets/proxy.conf.j2 adds the edge's own.
REQUEST_HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Anthropic-Beta",
    "Anthropic-Version",
    "Baggage",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "MCP-Session-Id",
    "OpenAI-Beta",
    "OpenAI-Organization",
    "OpenAI-Project",
    "Origin",
    "Prefer",
    "Range",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Traceparent",
    "Tracestate",
    "User-Agent",
)


@dataclass(frozen=True, kw_only=True)
class EdgeConfig:
    """All files of one configuration by relative path, and the configuration's id (12 hex digits). `ways` are those to
    the colours that it is made for."""

    id: str
    ways: Mapping[Colour, Way]
    files: Mapping[str, str]


def render(settings: Settings, running: Mapping[Colour, Way] | None = None) -> EdgeConfig:
    """Render every template. The id is a digest of all texts. The edge's admin socket returns it.

    `running` are the ways to the colours that run and are not made anew; any other colour is to have the way that the
    settings describe.
    """
    wanted = api.way(settings.api)
    ways = {colour: (running or {}).get(colour, wanted) for colour in COLOURS}
    environment, values = _environment(), _values(settings, ways)
    texts = {
        name.removesuffix(".j2"): environment.get_template(name).render(**values)
        for name in environment.list_templates(extensions=["j2", "js"])
    }
    config_id = digest(texts)
    files = {name: text.replace(_PLACEHOLDER, config_id) for name, text in texts.items()}
    return EdgeConfig(id=config_id, ways=ways, files=files)


@cache  # compiling the templates takes most of a rendering, and a program renders twice
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the output is nginx configuration, not HTML, and every value is a validated setting
    )
    environment.filters["regex"] = re.escape
    environment.filters["below"] = below
    return environment


def base_url(settings: Settings) -> str:
    return f"https://{settings.edge.hostname}{_public_port(settings)}"


def _public_port(settings: Settings) -> str:
    """The https port as it stands in a URL."""
    port = settings.edge.https_port
    return "" if port == 443 else f":{port}"


def _values(settings: Settings, ways: Mapping[Colour, Way]) -> dict[str, object]:
    servers = {colour: api.upstreams(settings, colour, way) for colour, way in ways.items()}
    return {
        "settings": settings,
        "stack": settings.stack,
        "config_id": _PLACEHOLDER,
        "public_port": _public_port(settings),
        "own_address": _own_address(settings, ways, servers),
        # A browser keeps HSTS for the host name. Other programs use a development stack's host name (localhost) too.
        "hsts": settings.profile == "production",
        "listeners": edge.listeners(settings),
        "run": places.RUN,
        "state": places.STATE,
        "kept": places.KEPT,
        "kept_requests": KEPT_REQUESTS,
        "certificate": f"{places.ACME}/current" if settings.edge.tls.acme else places.CERTIFICATES,
        "acme": places.ACME if settings.edge.tls.acme else "",
        "admin_socket": places.ADMIN_SOCKET,
        "errors": ERRORS,
        "unread": UNREAD,
        # Parameter of `listen`: whether a connection begins with the PROXY protocol.
        "spoken": " proxy_protocol" if settings.edge.proxy_protocol else "",
        # nginx refuses a map that names a path twice.
        "completion_paths": dict.fromkeys(path.rstrip("/") or "/" for path in settings.edge.completion_paths),
        "keys": keys(settings.edge.api_keys),
        "limits": limits(settings.edge),
        "capacity": capacity(settings.edge),
        "header_kb": int(settings.edge.header_limit.removesuffix("k")),
        "request_headers": _request_headers(settings),
        "preview": _lock(known(settings.rollout.preview_key)),
        "ways": ways,
        "servers": servers,
        "opened": _opened(ways),
    }


def _own_address(settings: Settings, ways: Mapping[Colour, Way], servers: Mapping[Colour, tuple[str, ...]]) -> str:
    """A pattern for the URLs in which an API may name itself: by a name of the stack, or by where it listens."""
    inner = sorted({way.port for way in ways.values()})
    ports = sorted({80, 443, *inner, settings.edge.http_port, settings.edge.https_port})
    own = [f"{host}:{port}" for port in inner for host in ("localhost", "127.0.0.1", "0.0.0.0")]
    listens = [*own, *(server for colour in COLOURS for server in servers[colour])]
    named = rf"(?:{_any(settings.edge.names)})(?::(?:{_any(map(str, ports))}))?"
    return rf"~*^https?://(?:{named}|{_any(listens)})(?<own_path>[/?].*)?$"


def _opened(ways: Mapping[Colour, Way]) -> dict[str, tuple[Colour, ...]]:
    """Each URL prefix that a colour opens, and the colours that open what begins with it.

    nginx takes the longest prefix that fits. So where a colour opens a part of a prefix only, that part is a prefix of
    its own here.
    """
    paths = dict.fromkeys(path for way in ways.values() for path in way.paths)
    return {path: tuple(colour for colour, way in ways.items() if path.startswith(way.paths)) for path in paths}


def _any(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, texts))


def _request_headers(settings: Settings) -> list[str]:
    """The client's headers that the edge forwards, sorted by name."""
    more = settings.edge.request_headers
    if settings.edge.api_keys is None:  # then the API may check keys itself
        more = (*more, *CREDENTIALS)
    given = {name.lower(): name for name in (*REQUEST_HEADERS, *more)}
    return [given[name] for name in sorted(given)]


def _lock(key: str | None) -> str:
    """The digest of a preview key in the form of nginx's secure_link module; empty for no key.

    The key is random, so nobody can compute it from its digest.
    """
    if key is None:
        return ""
    digest = hashlib.md5(key.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
