"""The network plan: which networks there are, who is on them, and at which fixed address.

nginx names upstreams by address and a colour keeps its address when it is down, so addresses are planned, not given
out by the engine: the engine may only use the upper half of each range.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from settings import Settings
from workloads.workload import Attachment


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """One network: its name on the host, its range, and whether it has no way out."""

    key: str
    name: str
    subnet: IPv4Network
    internal: bool
    purpose: str

    @property
    def dynamic(self) -> IPv4Network:
        """The part of the range that the engine may give to strangers."""
        return list(self.subnet.subnets(1))[1]


# Order fixes the ranges: a network keeps its place when others are added behind it.
PLAN = (
    ("edge", False, "nginx alone; publishes the two ports of the edge"),
    ("app-network", True, "nginx to the API"),
    ("model", True, "the API to Ollama"),
    ("egress", False, "a way out, for what must reach out: the model pull, ACME, and the API where api.egress is on"),
)

# Host part of every fixed address, the same on each network. A colour has room for 16 replicas.
HOSTS = {"nginx": 5, "ollama": 10, "ollama-init": 11, "model-mirror": 12, "acme": 13, "api-blue": 32, "api-green": 64}


def networks(settings: Settings) -> Mapping[str, NetworkSpec]:
    """The networks of a stack by key; each a /24 of `network.cidr`."""
    ranges = settings.network.cidr.subnets(new_prefix=24)
    return {
        key: NetworkSpec(key=key, name=f"{settings.stack}-{key}", subnet=subnet, internal=internal, purpose=purpose)
        for (key, internal, purpose), subnet in zip(PLAN, ranges, strict=False)
    }


def address(settings: Settings, network: str, role: str, replica: int = 0) -> IPv4Address:
    """The fixed address of a role (a key of `HOSTS`) on a network; replicas follow each other."""
    return networks(settings)[network].subnet[HOSTS[role] + replica]


def attach(settings: Settings, network: str, role: str, replica: int = 0, aliases: tuple[str, ...] = ()) -> Attachment:
    return Attachment(network=network, address=address(settings, network, role, replica), aliases=aliases)
