"""The release id: what makes two containers the same release."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from workloads.way import REPLICAS
from workloads.workload import Workload

COLOUR_ENV = ("ORCA_COLOUR", "ORCA_RELEASE")
COLOUR_LABELS = ("orca.colour", "orca.release", "orca.replica", REPLICAS)


def release(workload: Workload, replicas: int) -> str:
    """A 12-digit digest of everything in a workload but its name, its addresses and its colour, and of their number.

    Blue and green of one release have the same id; any other change of what runs makes a new one, also that of a secret
    value, of which the keyed digest counts. What is written for people and for the order of starting is no part of the
    id: it changes nothing that runs.
    """
    bare = replace(
        workload,
        name="",
        service="",
        purpose="",
        listens=(),
        depends_on=(),
        exemptions=tuple(replace(exemption, reason="") for exemption in workload.exemptions),
        networks=tuple(replace(attachment, address=None, aliases=()) for attachment in workload.networks),
        env={key: value for key, value in workload.env.items() if key not in COLOUR_ENV},
        labels={key: value for key, value in workload.labels.items() if key not in COLOUR_LABELS},
    )
    return digest([bare, replicas, *([workload.secrets] if workload.secrets else [])])


def digest(data: object) -> str:
    """A 12-digit digest of plain data, independent of the order of its keys.

    Raises TypeError for a type whose text might be the same for two values, as that of a secret is.
    """
    text = json.dumps(_plain(data), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def keyed(key: str, values: Mapping[str, str]) -> str:
    """A 12-digit digest of secret values by their names. Who does not have the key cannot test a guess by it."""
    text = json.dumps(dict(values), sort_keys=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:12]


def _plain(data: object) -> Any:
    """The data as JSON has it, each value with its type where the text alone would not tell two apart."""
    match data:
        case None | bool() | int() | str():
            return data
        case Decimal() | IPv4Address() | IPv4Network():
            return {type(data).__name__: str(data)}
        case Mapping():
            return {_key(key): _plain(value) for key, value in data.items()}
        case list() | tuple():
            return [_plain(value) for value in data]
        case set() | frozenset():
            return sorted((_plain(value) for value in data), key=json.dumps)
        case _ if is_dataclass(data):
            return {
                field.name: _plain(value)
                for field in fields(data)
                if field.compare
                and not ((value := getattr(data, field.name)) == field.default and field.metadata.get("newer"))
            }
    raise TypeError(f"a {type(data).__name__} cannot be part of a digest")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a {type(key).__name__} cannot be a key in a digest")
    return key
