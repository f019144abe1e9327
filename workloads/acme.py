"""The ACME client beside the edge: it gets the certificate and renews it; nginx only reads what it lays out."""

from decimal import Decimal
from pathlib import Path

from settings import Settings
from workloads import images
from workloads.edge import volumes
from workloads.network import attach
from workloads.places import ACME, CERTIFICATES, STATE
from workloads.storage import Mount
from workloads.workload import Exemption, HealthCheck, Resources, Workload

SERVICE = "acme"
_HOST = 13
SCRIPT = (Path(__file__).parent / "acme.sh").read_text()


def client(settings: Settings) -> Workload | None:
    """The client, where `edge.tls.acme` asks for one. It has a way out, and no way in: nginx answers the challenge."""
    acme = settings.edge.tls.acme
    if acme is None:
        return None
    mounted = volumes(settings)
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="gets the edge's certificate from an ACME authority, and renews it",
        image=images.lego(settings),
        user="0:0",
        entrypoint=("/bin/sh", "-c"),
        command=(SCRIPT,),
        env={
            "VOLUME": ACME,
            "FIRST": CERTIFICATES,
            "STATE": STATE,
            "NAMES": " ".join(settings.edge.names),
            "EMAIL": acme.email,
            "DIRECTORY": acme.directory,
            "AUTHORITY": acme.authority,
            "RENEW": str(acme.renew),
        },
        networks=(attach(settings, "egress", _HOST),),
        mounts=tuple(
            Mount(volume=mounted[path], path=path, read_only=path != ACME) for path in (ACME, CERTIFICATES, STATE)
        ),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
        health=HealthCheck(
            test=("CMD", "test", "-e", f"{ACME}/current/tls.crt"), interval=30, timeout=5, retries=3, start_period=10
        ),
        resources=Resources(memory=128 * 1024**2, cpus=Decimal("0.5"), pids=64),
        exemptions=(
            Exemption(
                rule="non-root",
                reason="a new volume belongs to uid 0, and so do the keys in it; the client holds no capability",
            ),
        ),
    )
