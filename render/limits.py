"""The limits of the edge as zones of nginx.

https://nginx.org/en/docs/http/ngx_http_limit_req_module.html,
https://nginx.org/en/docs/http/ngx_http_limit_conn_module.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from settings.edge import Edge
from settings.limits import Concurrency, Rates
from settings.values import RequestRate

# 1 MB holds some 8,000 states of a rate (128 bytes) or 16,000 of a concurrency (64 bytes): room for 80,000 clients.
_SIZE = {"rate": "10m", "busy": "5m"}
_SMALL = "64k"

Kind = Literal["rate", "busy"]


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A counter of requests for each value of `variable`. `limit` is a rate, or a number of requests at once."""

    name: str
    variable: str
    size: str
    limit: RequestRate | int


@dataclass(frozen=True, kw_only=True)
class Map:
    """A `map` of nginx: the variable `name` from `source`. It is empty for a value without an entry."""

    name: str
    source: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`interval` and `completion_interval`: the seconds of Retry-After for a client over its rate."""

    maps: tuple[Map, ...]
    rates: tuple[Zone, ...]
    connections: tuple[Zone, ...]
    interval: int
    completion_interval: int


def limits(edge: Edge) -> Limits:
    keys = edge.api_keys or {}
    own_rates = {key_id: key.rate for key_id, key in keys.items() if key.rate}
    own_numbers = {key_id: key.concurrency for key_id, key in keys.items() if key.concurrency}
    rates = _zones("rate", edge.rate_limit, own_rates)
    connections = _zones("busy", edge.concurrency, own_numbers)
    return Limits(
        maps=(
            Map(name="completion_address", source="$request_class", entries=(("completion", "$client_network"),)),
            Map(name="all_clients", source="$key_missing", entries=(("", "all"),)),
            Map(name="completion_server", source="$request_class:$key_missing", entries=(("completion:", "all"),)),
            Map(name="body_address", source="$large_body", entries=(("1", "$client_network"),)),
            Map(name="body_server", source="$large_body:$key_missing", entries=(("1:", "all"),)),
            *_key_maps("rate", keys, own_rates),
            *_key_maps("busy", keys, own_numbers),
        ),
        rates=rates,
        connections=connections,
        interval=_interval(zone for zone in rates if "completion" not in zone.name),
        completion_interval=_interval(rates),
    )


def _zones(
    kind: Kind, wanted: Rates | Concurrency | None, own: Mapping[str, RequestRate] | Mapping[str, int]
) -> tuple[Zone, ...]:
    if wanted is None:
        return ()
    completions, key = wanted.completions, _key_variable(kind)
    limits: list[tuple[str, str, RequestRate | int]] = [
        ("address", "client_network", wanted.address),
        ("key", "key_id", wanted.key),
        ("all", "all_clients", wanted.server),
        ("completion_address", "completion_address", completions.address),
        ("completion_key", key, completions.key),
        *((f"completion_key_{_word(key_id)}", _key_variable(kind, key_id), limit) for key_id, limit in own.items()),
        ("completion_server", "completion_server", completions.server),
    ]
    if isinstance(wanted, Concurrency):
        limits += [
            ("body_address", "body_address", wanted.bodies.address),
            ("body_server", "body_server", wanted.bodies.server),
        ]
    return tuple(
        Zone(
            name=f"{kind}_{name}",
            variable=variable,
            size=_SIZE[kind] if name.endswith("address") else _SMALL,
            limit=limit,
        )
        for name, variable, limit in limits
    )


def _key_maps(kind: Kind, keys: Iterable[str], own: Iterable[str]) -> list[Map]:
    """Maps that count completions by key id: one for all keys with the common limit, one for each key with its own."""
    source = "$request_class $key_id"
    common = tuple((f"completion {key_id}", key_id) for key_id in keys if key_id not in own)
    return [
        Map(name=_key_variable(kind), source=source, entries=common),
        *(
            Map(name=_key_variable(kind, key_id), source=source, entries=((f"completion {key_id}", key_id),))
            for key_id in own
        ),
    ]


def _key_variable(kind: Kind, key_id: str = "") -> str:
    return f"{kind}_completion_key" + (f"_{_word(key_id)}" if key_id else "")


def _word(key_id: str) -> str:
    """A key id as part of a name in nginx. It stays unique, because an id has no underscore."""
    return key_id.replace("-", "_")


def _interval(zones: Iterable[Zone]) -> int:
    return max((zone.limit.interval for zone in zones if isinstance(zone.limit, RequestRate)), default=1)
