"""A new certificate under load: no handshake fails, and the edge shows the new certificate."""

import socket
import ssl
import time
from pathlib import Path
from typing import Any

from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict
from tools.lab.load.client import LoadClient, Mix

LIFE = "LEAF_DAYS = "
TAKEN_UP = 10
"""Longest time of a reload after the update has ended, in seconds."""
MIX = Mix(keepalive="4@20ms", fresh="4@20ms", get="4@20ms", stream="")


def check(target: Target) -> Verdict:
    """Renew the self-signed certificate during the load, by a change of its validity."""
    source = target.project.folder / "certificates" / "__init__.py"
    before, text = serial("localhost", target.ca), source.read_text()
    shorter = text.replace(f"{LIFE}90", f"{LIFE}45", 1)
    if shorter == text:
        raise LookupError(f"{source} does not say `{LIFE}90`")
    client = LoadClient(target.work)
    with client.run(target.url, target.ca, MIX) as running:
        source.write_text(shorter)
        target.project.pulumi("up", "--yes", "--skip-preview")
        after = _new_serial(target, before)
        result = running.end()
    source.write_text(text)
    target.project.pulumi("up", "--yes", "--skip-preview")
    findings = [f"{lost.kind} was lost: {lost.outcome}" for lost in result.lost]
    if before == after:
        findings.append(f"the serial is still {before}")
    return verdict(
        "strict load client of tools/lab/load, self-signed certificate",
        "0 failed handshakes and requests, the new serial is served",
        f"{len(result.of('fresh', 'get'))} handshakes and {len(result)} requests, {len(result.lost)} lost; "
        f"serial …{before[-6:]} to …{after[-6:]}",
        findings[:10],
    )


def _new_serial(target: Target, before: str) -> str:
    """The serial that is served once the workers of the reload have taken over; the old one if they never do."""
    deadline = time.monotonic() + TAKEN_UP
    while (found := serial("localhost", target.ca)) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def serial(host: str, ca: Path) -> str:
    """The serial number of the certificate that a new connection to the edge is shown. Raises SSLError if `ca`, a file,
    does not vouch for it."""
    context = ssl.create_default_context(cafile=ca)
    with (
        socket.create_connection(("127.0.0.1", HTTPS), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        certificate: dict[str, Any] = connection.getpeercert() or {}
    return str(certificate["serialNumber"])
