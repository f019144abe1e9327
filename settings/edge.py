"""The settings of the edge: names, ports, limits, keys, what is let through."""

from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from settings.group import Group, Hostname, Off, Port, off
from settings.keys import ApiKey, KeyId, distinct
from settings.tls import Tls
from settings.values import Cpus, Duration, HeaderName, Memory, Rate, Size, UrlPath, in_production, rate

MIB = 1024**2
# Paths on which a model works: those of OpenAI's, Anthropic's and Ollama's interfaces.
COMPLETIONS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/responses",
    "/api/chat",
    "/api/embed",
    "/api/embeddings",
    "/api/generate",
)


class CompletionRates(Group):
    """Requests that make a model work, by time: `120/m` is a hundred and twenty a minute, which may come at once."""

    address: Rate = Field(rate("120/m"), description="of one client address; IPv6 by /64")
    key: Rate = Field(rate("120/m"), description="of one API key")
    server: Rate = Field(rate("20/s"), description="of all clients together")


class Rates(Group):
    """All requests, by time; those to `completionPaths` are bound by `completions` as well."""

    address: Rate = Field(rate("50/s"), description="of one client address; IPv6 by /64")
    key: Rate = Field(rate("100/s"), description="of one API key")
    server: Rate = Field(rate("500/s"), description="of all clients together")
    completions: CompletionRates = CompletionRates()


class CompletionConcurrency(Group):
    """Requests that make a model work, at the same moment. Ollama's own queue does not bound them."""

    address: int = Field(16, ge=1, description="of one client address; IPv6 by /64")
    key: int = Field(16, ge=1, description="of one API key")
    server: int = Field(64, ge=1, description="of all clients together")


class Concurrency(Group):
    """All requests at the same moment; those to `completionPaths` are bound by `completions` as well."""

    address: int = Field(128, ge=1, description="of one client address; IPv6 by /64")
    key: int = Field(256, ge=1, description="of one API key")
    server: int = Field(2048, ge=1, description="of all clients together")
    completions: CompletionConcurrency = CompletionConcurrency()


def _keys(value: Any, info: ValidationInfo) -> Any:
    if value is None and in_production(info):
        raise ValueError(
            "is required in a production stack: write key ids, as {my-client: {keys: []}} (docs/operations.md, "
            '"API keys"), or say "off" to let everybody in'
        )
    if value == {}:
        raise ValueError('names no key id; write one, as {my-client: {keys: []}}, or "off" to let everybody in')
    return off(value)


def _narrow(value: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if value.prefixlen == 0:
        raise ValueError(f'"{value}" is everybody; name the networks of your load balancer')
    return value


class Edge(Group):
    """NGINX: the only door."""

    hostname: Hostname = "localhost"
    bind: IPv4Address = Field(IPv4Address("0.0.0.0"), description="host address that the two ports are published on")
    http_port: Port = 80
    https_port: Port = 443
    tls: Tls = Tls()
    http2: bool = Field(
        False, description="offer HTTP/2 besides HTTP/1.1; refused on an nginx in which it has a known fault"
    )
    api_keys: Annotated[dict[KeyId, ApiKey] | None, AfterValidator(distinct), BeforeValidator(_keys)] = Field(
        None, description="who may come in, by id; `off` lets everybody in"
    )
    rate_limit: Annotated[Rates | None, Off] = Field(Rates(), description="requests by time, or off")
    concurrency: Annotated[Concurrency | None, Off] = Field(
        Concurrency(),
        description="requests at once, or off; off by default where rateLimit is off",
    )
    completion_paths: tuple[UrlPath, ...] = Field(COMPLETIONS, description="paths on which a model works")
    web_socket_paths: tuple[UrlPath, ...] = Field((), description="URL prefixes, of api.paths, that may be upgraded")
    methods: tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], ...] = Field(
        ("GET", "HEAD", "POST", "OPTIONS"), min_length=1, description="methods that are let through"
    )
    request_headers: tuple[HeaderName, ...] = Field((), description="headers passed to the API besides the usual ones")
    trusted_proxies: tuple[Annotated[IPv4Network | IPv6Network, AfterValidator(_narrow)], ...] = Field(
        (), description="networks of load balancers in front, whose word on the client's address is taken"
    )
    proxy_protocol: bool = Field(
        False, description="that word comes by PROXY protocol, on both ports, not by X-Forwarded-For"
    )
    body_limit: Size = Field(8 * MIB, description="largest request body")
    read_timeout: Duration = Field(600, description="longest pause in an answer, the model's load included")
    memory: Memory = 256 * MIB
    cpus: Cpus = Decimal(1)
    pids: int = Field(128, ge=16)

    @model_validator(mode="before")
    @classmethod
    def _no_limits(cls, value: Any) -> Any:
        """Whoever turns limits off has another limiter, or measures: half a limit would surprise him."""
        if isinstance(value, dict) and "rateLimit" in value and off(value["rateLimit"]) is None:
            return {"concurrency": None, **value}
        return value

    @model_validator(mode="after")
    def _two_ports(self) -> Self:
        if self.http_port == self.https_port:
            raise ValueError(f"httpPort and httpsPort are both {self.http_port}")
        return self

    @model_validator(mode="after")
    def _a_known_speaker(self) -> Self:
        if self.proxy_protocol and not self.trusted_proxies:
            raise ValueError("proxyProtocol needs trustedProxies: the networks that may speak it")
        return self
