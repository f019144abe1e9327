"""An ACME client renews a certificate under load: no handshake fails, and the edge shows the new certificate."""

import ssl
from contextlib import suppress

from tools.audit.checks.rotation import MIX, serial
from tools.audit.stack import HTTPS, NAME, Target
from tools.audit.verdict import Verdict, verdict
from tools.lab.load.client import LoadClient
from tools.lab.pebble import container as pebble
from tools.lab.wait import eventually
from tools.toolchain import images as builds

HOST = "api.example.com"
PATIENCE = 90
"""Longest wait for the first certificate, and for the next one, in seconds."""


def check(target: Target) -> Verdict:
    """Configure Pebble as the edge's ACME authority, and make the client renew during the load."""
    builds.ensure(["lego"])
    with (
        pebble.running(target.engine, NAME, target.work / "pebble") as authority,
        target.with_edge(hostname=HOST, tls={"acme": authority.acme}),
    ):
        eventually(lambda: _is_new(authority, ""), PATIENCE, "a certificate of the authority's is shown")
        before = _shown(authority)
        client = LoadClient(target.work)
        with client.run(f"https://{HOST}", authority.root, MIX, dial=f"127.0.0.1:{HTTPS}") as running:
            # The certificate's life is shorter than edge.tls.acme.renew, so the client renews it when it starts.
            target.container("acme").restart(timeout=5)
            eventually(lambda: _is_new(authority, before), PATIENCE, "another certificate is shown")
            result = running.end()
        after = _shown(authority)
    findings = [f"{lost.kind} was lost: {lost.outcome}" for lost in result.lost]
    return verdict(
        "lego, Pebble, strict load client of tools/lab/load",
        "0 failed handshakes and requests, the new serial is served",
        f"{len(result.of('fresh', 'get'))} handshakes and {len(result)} requests, {len(result.lost)} lost; "
        f"serial …{before[-6:]} to …{after[-6:]}",
        findings[:10],
    )


def _is_new(authority: pebble.Pebble, before: str) -> bool:
    """Whether several connections all see another certificate. For a moment old and new workers both accept."""
    seen = {_shown(authority) for _ in range(20)}
    return len(seen) == 1 and not seen & {"", before}


def _shown(authority: pebble.Pebble) -> str:
    """The serial number of the shown certificate; empty while the authority did not issue it."""
    with suppress(ssl.SSLError):
        return serial(HOST, authority.root)
    return ""
