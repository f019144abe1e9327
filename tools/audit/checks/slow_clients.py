"""slowhttptest: three hundred clients send or read as slowly as they can, while another client sends requests."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tools.audit.checks.requests import get
from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict
from tools.audit.wire import Wire

CONNECTIONS = 300
SECONDS = 15
BEARABLE = 1.0
"""Longest time for an answer to another client, in seconds."""
ATTACKS = {
    "header": ("-H", "-i", "2", "-u", "http://localhost:8000/v1/echo"),
    "body": ("-B", "-i", "2", "-s", "8192", "-t", "POST", "-u", "http://localhost:8000/v1/echo"),
    "read": ("-X", "-w", "10", "-y", "20", "-n", "3", "-z", "5", "-u", "http://localhost:8000/v1/large"),
}


@dataclass(frozen=True)
class Probe:
    """What another client saw meanwhile: the number of answers, the slowest one, and the number of failures."""

    asked: int
    slowest: float
    failed: int


def check(target: Target) -> Verdict:
    findings, seen = [], []
    for name, words in ATTACKS.items():
        report, probe = _attack(target, words)
        connected = max(map(int, re.findall(r"^connected:\s+(\d+)", report, re.MULTILINE)), default=0)
        if "service available:   YES" not in report or "service available:   NO" in report:
            findings.append(f"{name}: slowhttptest was not served meanwhile")
        if connected < CONNECTIONS / 2:
            findings.append(f"{name}: only {connected} connections were open at once, so nothing was shown")
        if probe.failed or probe.slowest > BEARABLE or probe.asked < SECONDS:
            findings.append(f"{name}: {probe.failed} of {probe.asked} failed, the slowest took {probe.slowest:.2f} s")
        seen.append(f"{name} {connected} open, others at worst {probe.slowest * 1000:.0f} ms")
    version = target.scan("dpkg-query", "-W", "-f", "${Version}", "slowhttptest", timeout=30)
    return verdict(
        f"slowhttptest {version}",
        f"header, body and read attack with {CONNECTIONS} connections: others are served within {BEARABLE:.0f} s",
        "; ".join(seen),
        findings,
    )


def _attack(target: Target, words: tuple[str, ...]) -> tuple[str, Probe]:
    """The attacker's report, and what another client saw during the attack."""
    wire = Wire("localhost", HTTPS, target.ca)
    command = ["slowhttptest", "-c", str(CONNECTIONS), "-r", "100", "-l", str(SECONDS), "-p", "3", *words]
    delays, failed = [], 0
    with ThreadPoolExecutor(1) as pool:
        attack = pool.submit(target.scan, *command, timeout=SECONDS * 4)
        while not attack.done():
            began = time.monotonic()
            try:
                failed += [reply.status for reply in wire.send(get(b"/v1/echo"))] != [200]
            except OSError:
                failed += 1
            delays.append(time.monotonic() - began)
            time.sleep(0.2)
    report = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", attack.result())
    return report, Probe(len(delays), max(delays, default=0.0), failed)
