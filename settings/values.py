"""The notations of the stack configuration: sizes, durations, rates, CPU shares, addresses.

Each is an annotated type: it reads the text of the configuration into a plain value, and refuses a wrong text with an
example of a right one.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from settings.scalars import text

MIB = 1024 * 1024
LOCAL = "local"
"""In place of an image or a tag: the image that `images/` builds on this machine (development stacks only)."""

_SIZE = re.compile(r"(\d+)([kmg])(?:i?b)?", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_RATE = re.compile(r"([1-9]\d{0,5})/([sm])")


def read_size(value: Any) -> Any:
    """Bytes of `512M` or `8G`."""
    match = _SIZE.fullmatch(str(value).strip())
    if not match:
        raise ValueError(f'"{value}" is not a size; write it as 512M or 8G')
    found = int(match[1]) * 1024 ** ("kmg".index(match[2].lower()) + 1)
    if found % MIB or not found:
        raise ValueError(f'"{value}" is not a whole number of MiB; the smallest size is 1M')
    return found


def _memory(value: int) -> int:
    if value < 16 * MIB:
        raise ValueError(f"{value // MIB}M is too little for a container; give it at least 16M")
    return value


def read_duration(value: Any) -> Any:
    """Seconds of `30s`, `5m` or `1h30m`."""
    text = str(value).strip()
    match = _DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError(f'"{value}" is not a duration; write it as 30s, 5m or 1h30m')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


@dataclass(frozen=True)
class RequestRate:
    """So many requests a second (`s`) or a minute (`m`)."""

    requests: int
    per: Literal["s", "m"]

    @property
    def interval(self) -> int:
        """Whole seconds after which the next request fits again."""
        return 1 if self.per == "s" else -(-60 // self.requests)

    def __str__(self) -> str:
        return f"{self.requests}/{self.per}"


def rate(value: Any) -> RequestRate:
    """Read `20/s` or `120/m`."""
    match = _RATE.fullmatch(str(value).strip())
    if not match:
        raise ValueError(f'"{value}" is not a rate; write it as 20/s or 120/m')
    return RequestRate(int(match[1]), "s" if match[2] == "s" else "m")


def _cpus(value: Any) -> Any:
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        found = Decimal(0)
    if not found.is_finite() or not Decimal("0.1") <= found <= 512 or found % Decimal("0.1"):
        raise ValueError(f'"{value}" is not a CPU share; write tenths of a CPU, from "0.1" upwards, as "0.5" or "4"')
    return found


# What the edge says of a client itself, and what belongs to a single hop.
_RESERVED = re.compile(
    r"(?i)x-orca-.*|x-forwarded-.*|forwarded|x-real-ip|x-request-id|proxy.*|host|connection|keep-alive|upgrade|te|trailer"
    r"|http2-settings|transfer-encoding|content-length|expect"
)


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", value):
        raise ValueError(f'"{value}" is not the name of a header; write it as X-Tenant')
    if _RESERVED.fullmatch(value):
        raise ValueError(f'"{value}" is set by the edge itself, never by a client')
    return value


def _url_path(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", value) or "//" in value or "/." in value:
        raise ValueError(f'"{value}" is not a plain URL path; write it as /v1/')
    return value


def _subnet(value: Any) -> Any:
    try:
        found = IPv4Network(str(value))
    except ValueError:
        raise ValueError(f'"{value}" is not a network; write it as 10.77.0.0/20') from None
    if not found.is_private or found.prefixlen > 21:
        raise ValueError(f'"{value}" must be a private range of /21 or larger: five networks of /24 are cut from it')
    return found


Size = Annotated[int, BeforeValidator(read_size)]
"""Bytes, written as in compose: `512M`, `8G` (powers of 1024)."""
Memory = Annotated[Size, AfterValidator(_memory)]
"""A container's memory: a size of at least 16M."""
Duration = Annotated[int, BeforeValidator(read_duration)]
"""Seconds, written as `30s`, `5m`, `1h30m`."""
Rate = Annotated[RequestRate, BeforeValidator(lambda value: value if isinstance(value, RequestRate) else rate(value))]
"""Requests by time: `20/s`, `120/m`. As many as are named may come at once."""
HeaderName = Annotated[str, AfterValidator(_header_name), BeforeValidator(text)]
Cpus = Annotated[Decimal, BeforeValidator(_cpus)]
"""CPUs in tenths: `0.5`, `4`."""
UrlPath = Annotated[str, AfterValidator(_url_path), BeforeValidator(text)]
Subnet = Annotated[IPv4Network, BeforeValidator(_subnet)]
