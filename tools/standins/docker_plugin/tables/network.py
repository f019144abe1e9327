"""Network: every change is a replacement."""

from typing import Any

from tools.standins.docker_plugin.routes import Form, at, reader
from tools.standins.docker_plugin.schema import Field, Kind, Output, ResourceType
from tools.standins.docker_plugin.tables.labels import LABEL, LABELS

_IPAM_NAMES = {"auxAddress": "AuxiliaryAddresses", "gateway": "Gateway", "ipRange": "IPRange", "subnet": "Subnet"}


def _pools(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{_IPAM_NAMES[name]: item for name, item in pool.items() if item} for pool in value]


def _configs(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: pool[theirs] for name, theirs in _IPAM_NAMES.items() if theirs in pool} for pool in value]


NETWORK = ResourceType(
    token="docker:index/network:Network",
    fields=(
        Field("name", route=at("Name"), required=True),
        Field("attachable", Kind.BOOL, route=at("Attachable")),
        Field("driver", route=at("Driver"), computed=True),
        Field("ingress", Kind.BOOL, route=at("Ingress")),
        Field("internal", Kind.BOOL, route=at("Internal"), computed=True),
        Field(
            "ipamConfigs",
            Kind.BLOCK_SET,
            route=at("IPAM.Config", Form(_pools, _configs)),
            computed=True,
            fields=(
                Field("auxAddress", Kind.MAP),
                Field("gateway"),
                Field("ipRange"),
                Field("subnet"),
            ),
        ),
        Field("ipamDriver", route=at("IPAM.Driver"), default="default"),
        Field("ipamOptions", Kind.MAP, route=at("IPAM.Options")),
        Field("ipv6", Kind.BOOL, route=at("EnableIPv6")),
        Field("labels", Kind.BLOCK_SET, route=at("Labels", LABELS), fields=LABEL),
        Field("options", Kind.MAP, route=at("Options"), computed=True),
    ),
    outputs=(Output("scope", reader("Scope")),),
)
