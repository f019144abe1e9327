"""The rate limit: how many requests the edge accepts, how it refuses the rest, and that other clients do not notice."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tools.audit.checks.requests import get
from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict
from tools.audit.wire import Reply, Wire

RATE = 20
"""The limit of one address in this check, in requests a second. It is also the burst."""
SETTLING, SECONDS, CLIENTS = 3, 10, 4
TOLERANCE = 0.1
OTHERS = 20
# A container, so another address, sends twenty requests, five a second, and prints the statuses as JSON.
FROM_ELSEWHERE = f"""(async () => {{
  const seen = [];
  for (let n = 0; n < {OTHERS}; n++) {{
    seen.push((await fetch("https://localhost/v1/echo")).status);
    await new Promise((done) => setTimeout(done, 200));
  }}
  console.log(JSON.stringify(seen));
}})()"""


def check(target: Target) -> Verdict:
    """Sets `edge.rateLimit.address`, sends much more from one address and a little from another, and sets it back."""
    with target.with_edge(rateLimit={"address": f"{RATE}/s"}), ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(target.scan, "node", "-e", FROM_ELSEWHERE, timeout=60)
        accepted, refused = _flood(Wire("localhost", HTTPS, target.ca))
        others = json.loads(elsewhere.result())
    findings = sorted({wrong for reply in refused for wrong in _badly_refused(reply)})
    rate = accepted / SECONDS
    if abs(rate - RATE) > RATE * TOLERANCE:
        findings.append(f"{rate:.1f} requests a second were accepted, {RATE} are set")
    if not refused:
        findings.append("nothing was refused")
    if others != [200] * OTHERS:
        findings.append(f"another address was answered {sorted(set(others))}")
    return verdict(
        "requests from two addresses",
        f"accepted within {TOLERANCE:.0%} of the setting, refusals are JSON with Retry-After, others are not concerned",
        f"{rate:.1f} of {RATE}/s accepted, {len(refused)} refused; another address: {others.count(200)} of {OTHERS}",
        findings,
    )


def _flood(wire: Wire) -> tuple[int, list[Reply]]:
    """How many requests were accepted in `SECONDS` after the burst, and all refusals."""
    begin = time.monotonic() + SETTLING
    lock, refused, accepted = threading.Lock(), [], 0

    def client() -> None:
        nonlocal accepted
        while (now := time.monotonic()) < begin + SECONDS:
            (reply,) = wire.send(get(b"/v1/echo"))
            with lock:
                accepted += reply.status == 200 and now >= begin
                if reply.status != 200:
                    refused.append(reply)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client) for _ in range(CLIENTS)]:
            done.result()
    return accepted, refused


def _badly_refused(reply: Reply) -> list[str]:
    wrong = [] if reply.status == 429 else [f"refused with {reply.status}"]
    if not reply.headers.get("retry-after", "").isdigit():
        wrong.append("a refusal without Retry-After")
    try:
        json.loads(reply.body)["error"]["message"]
    except (ValueError, KeyError):
        wrong.append("a refusal without a JSON error")
    return wrong
