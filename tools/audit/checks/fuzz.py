"""A fuzzer: sends thousands of malformed requests over TLS. A seed makes them the same in every run."""

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tools.audit.checks.requests import CASES
from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict
from tools.audit.wire import Wire

REQUESTS = 10_000
SEED = 1
# Without an answer by then, the edge waits for the rest of the request. The fuzzer closes the connection.
PATIENCE = 0.5
CLIENTS = 4
LONGEST = 300
"""Longest time of the whole attack, in seconds."""
TOKENS = (
    *(
        b"\0",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b"\x0b",
        b"\x7f",
        b"\xff",
        b"\xc0\xaf",
        b"%00",
        b"%0d%0a",
    ),
    *(b"%2e%2e/", b"..%2f", b"//", b"\\", b"?", b"#", b";", b":", b",", b"{", b"$", b"${jndi:ldap://x}", b"%s%n"),
    *(b"Content-Length: 1\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n"),
    *(b"Expect: 100-continue\r\n", b"Range: bytes=0-,0-,0-\r\n", b"Upgrade: h2c\r\n", b"Connection: close, te\r\n"),
    *(
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"HTTP/9.9",
        b"A" * 3000,
        b"-" * 9000,
        b"2147483648",
        b"18446744073709551616",
    ),
)


def malformed(seed: int, count: int) -> Iterator[bytes]:
    """Known requests with some bytes changed, removed, doubled or moved. A seed always gives the same requests."""
    dice = random.Random(seed)
    for _ in range(count):
        request = bytearray(dice.choice(CASES).request)
        for _ in range(dice.randint(1, 6)):
            _mutate(dice, request)
        yield bytes(request)


def _mutate(dice: random.Random, request: bytearray) -> None:
    at = dice.randrange(len(request) + 1)
    end = min(len(request), at + dice.randint(1, 40))
    match dice.randrange(5):
        case 0:
            request[at:at] = dice.choice(TOKENS)
        case 1:
            request[at:end] = dice.randbytes(end - at)
        case 2:
            del request[at:end]
        case 3:
            request[at:at] = request[at:end]
        case _:
            other = dice.choice(CASES).request
            request[at:end] = other[: dice.randint(1, len(other))]


def check(target: Target) -> Verdict:
    wire = Wire("localhost", HTTPS, target.ca)
    began, workers, restarts = time.time(), _workers(target), target.container("nginx").attrs["RestartCount"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = Counter(pool.map(lambda request: _outcome(wire, request, began), malformed(SEED, REQUESTS)))
    findings = [
        f"{count} requests: {outcome}" for outcome, count in outcomes.items() if outcome.startswith(("5", "no "))
    ]
    if _workers(target) != workers or target.container("nginx").attrs["RestartCount"] != restarts:
        findings.append("a worker of nginx is not the one that it was before")
    said = [line for line in target.logs_since(began) if re.search(r"\[(alert|crit|emerg)\]|exited on signal", line)]
    findings += [f"nginx said: {line}" for line in said if not _is_client_s(line)][:10]
    if [reply.status for reply in wire.send(CASES[0].request)] != [200]:
        findings.append("the edge does not serve afterwards")
    counted = ", ".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common())
    return verdict(
        f"fuzzer of {len(CASES)} seed requests, seed {SEED}",
        "no 5xx, no worker lost, no alert in the log, the edge serves on",
        f"{sum(outcomes.values())} requests in {time.time() - began:.0f} s: {counted}",
        findings,
    )


def _outcome(wire: Wire, request: bytes, began: float) -> str:
    """The status of the first answer, or what happened instead."""
    if time.time() - began > LONGEST:
        return "not sent: out of time"
    try:
        got = wire.send(request, timeout=PATIENCE)
    except TimeoutError:
        return "waiting for more"
    except OSError as error:
        return f"no connection: {error}"
    worst = max((reply.status for reply in got), default=None)
    return "closed" if worst is None else str(worst) if worst else "HTTP/0.9 answer"


def _workers(target: Target) -> set[str]:
    """The process ids of nginx. If they change, a worker has died."""
    return {row[1] for row in target.container("nginx").top()["Processes"]}


def _is_client_s(line: str) -> bool:
    """Whether a line is about a failed TLS handshake. nginx logs it as critical, but the client caused it."""
    return "SSL_do_handshake() failed" in line or "SSL_read() failed" in line
