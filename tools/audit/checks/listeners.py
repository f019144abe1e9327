"""nmap and the kernel's socket tables: which ports of the stack listen, on the host and in its containers."""

import socket
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

from docker.models.containers import Container

from settings import load
from tools.audit.stack import CONFIG, NAME, Target
from tools.audit.verdict import Verdict, verdict
from workloads.stack import stack

SETTINGS = load(NAME, CONFIG)
STACK = stack(SETTINGS)
DECLARED = {(str(port.bind), port.host) for workload in STACK.workloads for port in workload.ports}
LISTENING = "0A"
CONTROL = 18819
"""A port that the check itself opens. If a scan does not find it, the scan does not work."""


def check(target: Target) -> Verdict:
    published = _published(target)
    findings = [f"the host listens on {host}:{port}" for host, port in sorted(published - DECLARED)]
    findings += [f"the host does not listen on {host}:{port}" for host, port in sorted(DECLARED - published)]
    outside = _open_from_outside(target)
    if CONTROL not in outside:
        findings.append(f"the scan did not find port {CONTROL}, which is open")
    private = {port for host, port in DECLARED if IPv4Address(host).is_loopback}
    findings += [f"port {port} is open to the outside" for port in sorted(outside & private)]
    findings += [f"port {port} of the host is the stack's" for port in sorted(outside) if _is_ours(port)]
    inside = [f"{each.name} listens on {port}" for each in _running(target) for port in sorted(_undeclared(each))]
    return verdict(
        f"nmap {target.scan('dpkg-query', '-W', '-f', '${Version}', 'nmap', timeout=30)}, socket tables",
        "nothing listens but the ports that a workload publishes and what the matrix declares",
        f"65535 ports of the host asked from another network: {len(outside - {CONTROL})} open, none of the stack; "
        f"the host listens for the stack on {', '.join(f'{host}:{port}' for host, port in sorted(published))}",
        findings + inside,
    )


def _running(target: Target) -> list[Container]:
    return [container for container in target.containers() if container.status == "running"]


def _published(target: Target) -> set[tuple[str, int]]:
    """The host ports that the engine reports as published for the stack's containers."""
    return {
        (binding["HostIp"], int(binding["HostPort"]))
        for container in _running(target)
        for bindings in container.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }


def _open_from_outside(target: Target) -> set[int]:
    """Every port of this host that a container on another network can open."""
    name = f"{NAME}-outside"
    network = target.engine.networks.create(name)
    try:
        network.reload()
        gateway = network.attrs["IPAM"]["Config"][0]["Gateway"]
        with socket.create_server((gateway, CONTROL)):
            scan = ["nmap", "-sT", "-n", "-Pn", "-p-", "-T4", "--max-retries", "1", "--open", "-oG", "-", gateway]
            report = target.scan(*scan, timeout=120, network=name)
    finally:
        network.remove()
    ports = next((line.split("Ports: ")[1] for line in report.splitlines() if "Ports: " in line), "")
    return {int(entry.strip().split("/")[0]) for entry in ports.split(",") if "/open/" in entry}


def _is_ours(port: int) -> bool:
    """Whether a process that listens on that port of the host forwards to this stack."""
    forwarders = subprocess.run(["pgrep", "-af", "docker-proxy"], capture_output=True, text=True, check=False).stdout
    return any(
        f"-host-port {port} " in line and _is_in_stack(line.split("-container-ip ")[1].split()[0])
        for line in forwarders.splitlines()
        if "-container-ip " in line
    )


def _is_in_stack(address: str) -> bool:
    return any(IPv4Address(address) in spec.subnet for spec in STACK.networks.values())


def _undeclared(container: Container) -> set[int]:
    """Ports that a container listens on, by its kernel table, and that the matrix does not declare."""
    service = str(container.name).removeprefix(f"{NAME}-")
    known = {door.port for door in STACK.doors if door.to == service}
    process = container.attrs["State"]["Pid"]
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            address, port = local.split(":")
            if state == LISTENING and not _is_loopback(address):
                found.add(int(port, 16))
    return found - known


def _is_loopback(address: str) -> bool:
    """Whether an address in the kernel's hex form is a loopback address, such as that of the engine's name server."""
    return address.endswith("7F") if len(address) == 8 else address == "00000000000000000000000001000000"
