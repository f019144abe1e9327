"""The network plan: which networks there are, and the fixed addresses on them.

nginx names its upstreams by address, and a colour keeps its address while it is down. So the plan fixes these
addresses, and the engine may only use the upper half of each range. A service that others find by its name needs no
fixed address.
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
    ("obs", True, "the monitoring among itself"),
    ("pages", False, "the pages of the monitoring alone; publishes their ports on loopback"),
)
ALWAYS = frozenset({"edge", "app-network", "model", "egress"})
"""The networks of every stack; a stack has another one if a workload is on it."""


def networks(settings: Settings) -> Mapping[str, NetworkSpec]:
    """The networks of a stack by key; each a /24 of `network.cidr`."""
    ranges = settings.network.cidr.subnets(new_prefix=24)
    return {
        key: NetworkSpec(key=key, name=f"{settings.stack}-{key}", subnet=subnet, internal=internal, purpose=purpose)
        for (key, internal, purpose), subnet in zip(PLAN, ranges, strict=False)
    }


def address(settings: Settings, network: str, host: int) -> IPv4Address:
    """The address with this host part, 2 to 127, on a network."""
    return networks(settings)[network].subnet[host]


def attach(settings: Settings, network: str, host: int | None = None, *, aliases: tuple[str, ...] = ()) -> Attachment:
    """A place on a network: at the fixed address with the host part `host`, or wherever the engine puts it."""
    fixed = None if host is None else address(settings, network, host)
    return Attachment(network=network, address=fixed, aliases=aliases)
