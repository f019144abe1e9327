"""The two ports of the edge, tried before anything is touched."""

import socket
from ipaddress import IPv4Address, IPv6Address

from engine.address import Address
from engine.client import connect, find
from settings import Settings
from workloads import edge


def taken(settings: Settings, where: Address) -> list[int]:
    """The ports of the edge that another program holds.

    Only asked where the engine is this machine's own, and where the stack's edge does not hold them itself.
    """
    if not where.startswith("unix:"):
        return []
    proxy = find(connect(where), edge.server(settings).name)
    if proxy is not None and proxy.status == "running":
        return []
    wanted = (settings.edge.http_port, settings.edge.https_port)
    return [port for port in wanted if not all(_free(address, port) for address in settings.edge.bind)]


def _free(address: IPv4Address | IPv6Address, port: int) -> bool:
    with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((str(address), port))
        except OSError:
            return False
        return True
