"""Container inputs about networks and ports."""

from typing import Any

from tools.standins.docker_plugin.routes import Form, at
from tools.standins.docker_plugin.schema import Body, Field, Kind, Route


def _write_ports(value: list[dict[str, Any]], body: Body) -> None:
    for item in value:
        port = f"{item['internal']}/{item.get('protocol') or 'tcp'}"
        binding = {"HostIp": item.get("ip") or "0.0.0.0", "HostPort": str(item.get("external", 0))}
        body["Config"].setdefault("ExposedPorts", {})[port] = {}
        body["HostConfig"].setdefault("PortBindings", {}).setdefault(port, []).append(binding)


def _read_ports(found: Body) -> list[dict[str, Any]]:
    """The ports in use; of a container that does not run, those it would use. Those of one inner port are in the
    engine's order."""
    used = (found.get("NetworkSettings") or {}).get("Ports") or {}
    bound = used if any(used.values()) else found["HostConfig"].get("PortBindings") or {}
    ports = []
    for port, bindings in bound.items():
        internal, _, protocol = port.partition("/")
        for binding in bindings or []:
            given = {"internal": int(internal), "protocol": protocol or "tcp", "ip": binding.get("HostIp") or "0.0.0.0"}
            ports.append({**given, "external": int(binding.get("HostPort") or 0)})
    return sorted(ports, key=lambda port: (port["internal"], port["protocol"]))


def _read_hosts(value: list[str]) -> list[dict[str, str]]:
    pairs = (entry.partition(":") for entry in value)
    return [{"host": host, "ip": address} for host, _, address in pairs]


HOSTS = Form(lambda value: [f"{item['host']}:{item['ip']}" for item in value], _read_hosts)

_DATA = {
    "gateway": "Gateway",
    "globalIpv6Address": "GlobalIPv6Address",
    "globalIpv6PrefixLength": "GlobalIPv6PrefixLen",
    "ipAddress": "IPAddress",
    "ipPrefixLength": "IPPrefixLen",
    "ipv6Gateway": "IPv6Gateway",
    "macAddress": "MacAddress",
}


def network_datas(found: Body) -> list[dict[str, Any]]:
    """The container's address and so on in each network it is connected to."""
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    return [
        {"networkName": name, **{ours: network.get(theirs) for ours, theirs in _DATA.items()}}
        for name, network in networks.items()
    ]


FIELDS = (
    Field("hostname", route=at("Config.Hostname"), computed=True),
    Field("domainname", route=at("Config.Domainname")),
    Field("networkMode", route=at("HostConfig.NetworkMode"), default="bridge"),
    Field(
        "networksAdvanced",
        Kind.BLOCK_SET,
        fields=(
            Field("name", required=True),
            Field("aliases", Kind.SET),
            Field("driverOpts", Kind.SET),
            Field("gwPriority", Kind.INT, supported=False),
            Field("ipv4Address"),
            Field("ipv6Address"),
            Field("linkLocalIps", Kind.SET),
            Field("macAddress"),
        ),
    ),
    Field(
        "ports",
        Kind.BLOCK_LIST,
        route=Route(_write_ports, _read_ports),
        match=("internal", "protocol"),
        fields=(
            Field("internal", Kind.INT, required=True),
            Field("external", Kind.INT, computed=True),
            Field("ip", default="0.0.0.0"),
            Field("protocol", default="tcp"),
        ),
    ),
    Field("publishAllPorts", Kind.BOOL, route=at("HostConfig.PublishAllPorts")),
    Field(
        "hosts",
        Kind.BLOCK_SET,
        route=at("HostConfig.ExtraHosts", HOSTS),
        fields=(Field("host", required=True), Field("ip", required=True)),
    ),
    Field("dns", Kind.SET, route=at("HostConfig.Dns")),
    Field("dnsOpts", Kind.SET, route=at("HostConfig.DnsOptions")),
    Field("dnsSearches", Kind.SET, route=at("HostConfig.DnsSearch")),
)
