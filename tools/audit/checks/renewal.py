"""A certificate from an ACME authority, renewed under load: nobody's handshake fails, and the new one is served."""

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
"""Seconds until the first certificate is there, and until the next one is."""


def check(target: Target) -> Verdict:
    """Has the edge take its certificate from Pebble, and makes the client renew it in the middle of the load."""
    builds.ensure(["lego"])
    with (
        pebble.running(target.engine, NAME, target.work / "pebble") as authority,
        target.with_edge(hostname=HOST, tls={"acme": authority.acme}),
    ):
        eventually(lambda: _shown(authority) != "", PATIENCE, "a certificate of the authority's is shown")
        before = _shown(authority)
        client = LoadClient(target.work)
        with client.run(f"https://{HOST}", authority.root, MIX, dial=f"127.0.0.1:{HTTPS}") as running:
            # Its life is shorter than edge.tls.acme.renew: a client that starts finds it due.
            target.container("acme").restart(timeout=5)
            eventually(lambda: _is_new(authority, before), PATIENCE, "another certificate is shown")
            result = running.end()
        after = _shown(authority)
    findings = [f"{lost.kind} was lost: {lost.outcome}" for lost in result.lost]
    return verdict(
        "lego, Pebble, strict load client of benchmarks/load",
        "0 failed handshakes and requests, the new serial is served",
        f"{len(result.of('fresh', 'get'))} handshakes and {len(result)} requests, {len(result.lost)} lost; "
        f"serial …{before[-6:]} to …{after[-6:]}",
        findings[:10],
    )


def _is_new(authority: pebble.Pebble, before: str) -> bool:
    """Whether all see another certificate: for a moment, old workers and new ones accept connections side by side."""
    seen = {_shown(authority) for _ in range(20)}
    return len(seen) == 1 and not seen & {"", before}


def _shown(authority: pebble.Pebble) -> str:
    """The serial number of the certificate that is shown; empty while it is none of the authority's."""
    with suppress(ssl.SSLError):
        return serial(HOST, authority.root)
    return ""
