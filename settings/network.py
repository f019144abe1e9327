"""The settings of the stack's networks."""

from ipaddress import IPv4Network

from pydantic import Field

from settings.effect import REBUILD
from settings.group import Group
from settings.values import Subnet


class Network(Group):
    """The networks of the stack. Two stacks on one host need ranges that do not overlap."""

    cidr: Subnet = Field(
        IPv4Network("10.77.0.0/20"),
        description="private range from which every network of the stack takes a /24",
        json_schema_extra=REBUILD,
    )
