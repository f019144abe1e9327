"""The settings of the edge: names, ports, limits, keys, what is let through."""

from collections.abc import Iterator
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from settings.cors import Cors
from settings.effect import NONE, RELOAD, RESTART_EDGE
from settings.group import Group, Hostname, Off, Port, off, refuse
from settings.images import in_production
from settings.keys import CREDENTIALS, ApiKey, KeyId, distinct
from settings.limits import Concurrency, Rates
from settings.scalars import Items, Whole, decoded, text
from settings.tls import Tls
from settings.values import MIB, Cpus, Duration, HeaderName, Memory, Size, UrlPath

# Paths on which a model works: those of OpenAI's, Anthropic's and Ollama's interfaces.
COMPLETIONS = (
    "/v1/audio/transcriptions",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/images/edits",
    "/v1/images/generations",
    "/v1/messages",
    "/v1/responses",
    "/api/chat",
    "/api/embed",
    "/api/embeddings",
    "/api/generate",
)


def _keys(value: Any, info: ValidationInfo) -> Any:
    found = decoded(value)
    if found is None and in_production(info):
        raise ValueError(
            "is required in a production stack: write key ids, as {my-client: {keys: []}} (docs/operations.md, "
            '"API keys"), or say "off" to let everybody in'
        )
    if found == {}:
        raise ValueError('names no key id; write one, as {my-client: {keys: []}}, or "off" to let everybody in')
    return off(found)


def _addresses(value: Any) -> Any:
    """One address or several; an IPv6 one may stand in brackets, as in a URL."""
    found = decoded(value)
    several = found if isinstance(found, list | tuple) else [found]
    return tuple(str(text(one)).removeprefix("[").removesuffix("]") for one in several)


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        found = ip_network(text(value))
    except ValueError:
        raise ValueError(f'"{value}" is not a network; write it as 10.0.0.0/8 or 2001:db8::/32') from None
    if found.prefixlen == 0:
        raise ValueError(f'"{value}" is everybody; name the networks of your load balancer')
    return found


class Edge(Group):
    """NGINX: the only door."""

    hostname: Hostname = Field("localhost", description="name that the edge serves", json_schema_extra=RELOAD)
    hostnames: Items[Hostname] = Field(
        (),
        description="further names of the same service; the certificate must be for all of them",
        json_schema_extra=RELOAD,
    )
    bind: Annotated[tuple[IPv4Address | IPv6Address, ...], BeforeValidator(_addresses)] = Field(
        (IPv4Address("0.0.0.0"),),
        min_length=1,
        description='host addresses that the two ports are published on: one, or a list as `["0.0.0.0", "::"]`; the '
        "engine forwards IPv6, so all IPv6 clients count as one",
        json_schema_extra=RESTART_EDGE,
    )
    http_port: Port = Field(
        80, description="host port for HTTP, which redirects to HTTPS", json_schema_extra=RESTART_EDGE
    )
    https_port: Port = Field(443, description="host port for HTTPS", json_schema_extra=RESTART_EDGE)
    tls: Tls = Tls()
    http2: bool = Field(
        False,
        description="offer HTTP/2 besides HTTP/1.1; refused on an nginx in which HTTP/2 has a known fault",
        json_schema_extra=RELOAD,
    )
    api_keys: Annotated[dict[KeyId, ApiKey] | None, AfterValidator(distinct), BeforeValidator(_keys)] = Field(
        None,
        validate_default=True,
        description="the clients that may come in, by key id; off lets everybody in",
        json_schema_extra=RELOAD,
    )
    rate_limit: Annotated[Rates | None, Off] = Field(
        Rates(), description="limits of requests by time, or off", json_schema_extra=RELOAD
    )
    concurrency: Annotated[Concurrency | None, Off] = Field(
        Concurrency(),
        description="limits of requests at once, or off; off by default where rateLimit is off",
        json_schema_extra=RELOAD,
    )
    completion_paths: Items[UrlPath] = Field(
        COMPLETIONS,
        description="paths of requests that make a model work; the limits of completions count them",
        json_schema_extra=RELOAD,
    )
    web_socket_paths: Items[UrlPath] = Field(
        (),
        description="URL prefixes below api.paths on which a client may upgrade to WebSocket",
        json_schema_extra=RELOAD,
    )
    cors: Annotated[Cors | None, Off] = Field(
        None,
        description="pages of other origins that may use the API from a browser; off leaves CORS to the API",
        json_schema_extra=RELOAD,
    )
    methods: Items[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]] = Field(
        ("GET", "HEAD", "POST", "OPTIONS"),
        min_length=1,
        description="methods that the edge lets through",
        json_schema_extra=RELOAD,
    )
    request_headers: Items[HeaderName] = Field(
        (), description="headers that the edge passes to the API besides the usual ones", json_schema_extra=RELOAD
    )
    header_limit: Annotated[Literal["8k", "16k", "32k"], BeforeValidator(text)] = Field(
        "8k",
        description="longest request line and longest header, as a large token of single sign-on; all headers together "
        "may have four times as much",
        json_schema_extra=RELOAD,
    )
    trusted_proxies: Items[Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]] = Field(
        (),
        description="networks of load balancers in front; the edge takes the client's address from them alone",
        json_schema_extra=RELOAD,
    )
    proxy_protocol: bool = Field(
        False,
        description="the load balancer sends the client's address by PROXY protocol, on both ports, instead of "
        "X-Forwarded-For",
        json_schema_extra=RELOAD,
    )
    health_check: Annotated[UrlPath | None, Off] = Field(
        None,
        description="path that a load balancer asks, also by address and without a key, as `/healthz`; or off",
        json_schema_extra=RELOAD,
    )
    keep_alive: Duration = Field(
        65,
        ge=1,
        description="how long a client's connection waits for its next request; set it higher than the idle time of a "
        "load balancer in front",
        json_schema_extra=RELOAD,
    )
    body_limit: Size = Field(
        8 * MIB,
        le=1024 * MIB,
        description="largest request body; base64 makes a picture a third larger",
        json_schema_extra=RELOAD,
    )
    read_timeout: Duration = Field(
        600,
        ge=1,
        description="longest pause in an answer, the model's load included; also the time that requests in flight get "
        "when the edge is stopped",
        json_schema_extra=RESTART_EDGE,
    )
    memory: Memory = Field(256 * MIB, description="memory limit", json_schema_extra=RESTART_EDGE)
    cpus: Cpus = Field(Decimal(1), description="CPU limit", json_schema_extra=RESTART_EDGE)
    pids: Whole = Field(128, ge=16, description="limit of processes and threads", json_schema_extra=NONE)

    @property
    def names(self) -> tuple[str, ...]:
        """All host names; the first one stands in the stack's URL."""
        return (self.hostname, *self.hostnames)

    @property
    def completion_limits(self) -> Iterator[str]:
        """The settings of this configuration that limit completions alone, by key."""
        for name, limits in (("rateLimit", self.rate_limit), ("concurrency", self.concurrency)):
            if limits and "completions" in limits.model_fields_set:
                yield f"edge.{name}.completions"
        for key_id, key in (self.api_keys or {}).items():
            yield from (f"edge.apiKeys.{key_id}.{name}" for name in ("rate", "concurrency") if getattr(key, name))

    @model_validator(mode="before")
    @classmethod
    def _no_limits(cls, value: Any) -> Any:
        """`rateLimit: off` switches `concurrency` off too, unless the file sets `concurrency`.

        An operator switches limits off where another limiter stands in front, or for a measurement; neither wants the
        limit of requests at once to stay.
        """
        found = decoded(value)
        if isinstance(found, dict) and found.get("rateLimit") is not None and off(found["rateLimit"]) is None:
            return {"concurrency": "off", **found}
        return found

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        refuse(self._conflicts())
        return self

    def _conflicts(self) -> Iterator[str]:
        """What is wrong between settings of the edge; a setting that changes nothing beside another too."""
        for number, address in enumerate(self.bind):
            for other in self.bind[:number]:
                if address == other or (
                    address.version == other.version and other.is_unspecified | address.is_unspecified
                ):
                    yield f"bind names {other} and {address}, of which one includes the other; remove one of them"
        if self.http_port == self.https_port:
            yield f"httpPort and httpsPort are both {self.http_port}"
        names = [name.lower() for name in self.names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"hostname and hostnames name {', '.join(twice)} twice"
        if self.proxy_protocol and not self.trusted_proxies:
            yield "proxyProtocol needs trustedProxies: the networks that may speak it"
        if self.health_check and self.health_check.startswith("/-/"):
            yield f"healthCheck: {self.health_check} is among the edge's own paths; name one that is not below /-/"
        if self.web_socket_paths and "GET" not in self.methods:
            yield "webSocketPaths has no effect: a WebSocket begins with GET, which methods does not name"
        for key_id, key in (self.api_keys or {}).items():
            # One of the two limits may be off for a while; a key of which no limit works is a mistake.
            if key.rate and not self.rate_limit and not (key.concurrency and self.concurrency):
                yield f"apiKeys.{key_id}.rate has no effect while rateLimit is off; remove it"
            if key.concurrency and not self.concurrency and not (key.rate and self.rate_limit):
                yield f"apiKeys.{key_id}.concurrency has no effect while concurrency is off; remove it"
            if (key.rate or key.concurrency) and not self.completion_paths:
                yield f"apiKeys.{key_id} limits completions, and completionPaths names no path of one"
        if self.api_keys is not None:
            for name in self.request_headers:
                if name.title() in CREDENTIALS:
                    yield f"requestHeaders: {name} has no effect beside apiKeys: it holds the key, which stays here"
        for name, limits in (("rateLimit", self.rate_limit), ("concurrency", self.concurrency)):
            if limits and self.api_keys is None:
                for group, part in ((name, limits), (f"{name}.completions", limits.completions)):
                    if "key" in part.model_fields_set:
                        yield f"{group}.key has no effect without apiKeys; remove it"
            if limits and "completions" in limits.model_fields_set and not self.completion_paths:
                yield f"{name}.completions has no effect: completionPaths names no path; remove one of them"
