"""Pebble beside a stack: a certificate authority that issues by ACME, to whom every name is the stack's edge."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import docker
import requests

import images
from certificates.self_signed import authority, leaf
from tools.lab.wait import eventually

SOURCE = Path(__file__).parent
IMAGE = "orca-agents/pebble:1"
HOST = 20
"""Its place in the stack's network `egress`, which the engine itself gives to nobody."""


@dataclass(frozen=True)
class Pebble:
    """The authority: its address, what to trust when speaking to it, and the file of what clients trust then."""

    directory: str
    listener: str
    root: Path

    @property
    def acme(self) -> dict[str, Any]:
        """The setting `edge.tls.acme` for it."""
        return {"email": "ops@example.com", "directory": self.directory, "authority": self.listener}


@contextmanager
def running(engine: docker.DockerClient, stack: str, folder: Path) -> Iterator[Pebble]:
    """Build and run it for a deployed stack, with its files in the new folder `folder`; all of it goes in the end."""
    egress, edge = engine.networks.get(f"{stack}-egress"), engine.networks.get(f"{stack}-edge")
    address = str(IPv4Network(egress.attrs["IPAM"]["Config"][0]["Subnet"])[HOST])
    networks = engine.containers.get(f"{stack}-nginx").attrs["NetworkSettings"]["Networks"]
    shutil.copytree(SOURCE, folder)
    ca = authority("pebble")
    pair = leaf(ca, address)
    (folder / "tls.crt").write_text(pair.certificate)
    (folder / "tls.key").write_text(pair.key)
    (folder / "ca.pem").write_text(ca.certificate)
    engine.images.build(path=str(folder), tag=IMAGE, rm=True, buildargs={"DEBIAN": images.reference(images.BASE)})
    command = [networks[edge.name]["IPAddress"]]
    container = engine.containers.create(IMAGE, command, name=f"{stack}-pebble", network="none")
    try:
        engine.networks.get("none").disconnect(container)
        egress.connect(container, ipv4_address=address)
        edge.connect(container)
        container.start()
        root = folder / "root.pem"

        def answer() -> bool:
            try:
                got = requests.get(f"https://{address}:15000/roots/0", verify=str(folder / "ca.pem"), timeout=2)
            except requests.RequestException:
                return False
            root.write_text(got.text)
            return got.ok

        eventually(answer, 20, "pebble answers")
        yield Pebble(f"https://{address}:14000/dir", ca.certificate, root)
    finally:
        container.remove(force=True)
        engine.images.remove(IMAGE, force=True)
