"""Spoofing and smuggling: hand-made requests, the status that each must get, and what the API must not see."""

import json
from dataclasses import dataclass

from settings import load
from tools.audit.stack import CONFIG, HTTP, HTTPS, NAME, Target
from tools.audit.verdict import Verdict, verdict
from tools.audit.wire import Reply, Wire
from workloads.network import networks

HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(
    path: bytes, *headers: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1", host: bytes = HOST
) -> bytes:
    """Builds a request. Every part of it can be malformed."""
    return method + b" " + path + b" " + version + b"\r\n" + host + b"".join(headers) + CLOSE + b"\r\n"


def post(headers: bytes, body: bytes, *, end: bytes = CLOSE) -> bytes:
    return b"POST /v1/echo HTTP/1.1\r\n" + HOST + headers + end + b"\r\n" + body


@dataclass(frozen=True)
class Case:
    """`request` must get `status` (0: closed without an answer), `answers` times."""

    name: str
    request: bytes
    status: int
    answers: int = 1


PASS, REDIRECT, MALFORMED, NOTHING, METHOD, LARGE, LONG, MISDIRECTED, HEADERS = (
    200,
    301,
    400,
    404,
    405,
    413,
    414,
    421,
    431,
)
SPOOFED = (
    b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.8\r\nX-Real-IP: 203.0.113.9\r\n"
    b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.example\r\nForwarded: for=203.0.113.9;host=evil.example\r\n"
    b"X-Request-ID: chosen\r\nX_Forwarded_For: 203.0.113.9\r\nProxy: http://evil.example\r\n"
    b"X-Orca-Preview: 000000000000000000000000\r\nX-Original-URL: /evil.example\r\nTrue-Client-IP: 203.0.113.9\r\n"
)
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
INNER = b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n"

CASES = (
    # Who the client says it is
    Case("a plain request", get(b"/v1/echo"), PASS),
    Case("spoofed origin headers", get(b"/v1/echo", SPOOFED), PASS),
    Case("a connection header that names a trusted header", get(b"/v1/echo", b"Connection: X-Real-IP\r\n"), PASS),
    # Which host it asks for
    Case("another host", get(b"/v1/echo", host=b"Host: evil.example\r\n"), MISDIRECTED),
    Case("the host of a container at the operator's door", get(b"/v1/echo", host=b"Host: blue-0\r\n"), MISDIRECTED),
    Case("another host in the request line", get(b"https://evil.example/v1/echo"), MISDIRECTED),
    Case(
        "the right host in the line, another in the header",
        get(b"https://localhost/v1/echo", host=b"Host: x\r\n"),
        PASS,
    ),
    Case("another port in the host", get(b"/v1/echo", host=b"Host: localhost:1\r\n"), PASS),
    Case("two hosts", get(b"/v1/echo", HOST), MALFORMED),
    Case("no host", get(b"/v1/echo", host=b""), MALFORMED),
    Case("a host with a slash", get(b"/v1/echo", host=b"Host: localhost/x\r\n"), MALFORMED),
    Case("a host with a null byte", get(b"/v1/echo", host=b"Host: localhost\0\r\n"), MALFORMED),
    # Other protocols
    Case("h2c upgrade", get(b"/v1/echo", H2C), PASS),
    Case("h2c upgrade beside websocket", get(b"/v1/echo", b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"), PASS),
    Case("the preface of HTTP/2 in HTTP/1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED),
    Case("HTTP/3.0", get(b"/v1/echo", version=b"HTTP/3.0"), MALFORMED),
    Case("a version that is none", get(b"/v1/echo", version=b"HTTP/x"), MALFORMED),
    Case("plain HTTP/1.0", get(b"/v1/echo", version=b"HTTP/1.0"), PASS),
    # Paths
    Case("double slashes", get(b"//v1//echo"), PASS),
    Case("dots that stay inside", get(b"/v1/a/../echo"), PASS),
    Case("encoded dots that stay inside", get(b"/v1/a%2f..%2fecho"), PASS),
    Case("dots that leave", get(b"/v1/../api/tags"), NOTHING),
    Case("encoded dots that leave", get(b"/v1/..%2fapi%2ftags"), NOTHING),
    Case("dots encoded twice", get(b"/v1/%252e%252e/api/tags"), PASS),
    Case("dots that leave the root", get(b"/v1/..%2f..%2fapi/tags"), MALFORMED),
    Case("a backslash", get(b"/v1\\..\\api/tags"), NOTHING),
    Case("a model server's path", get(b"/api/tags"), NOTHING),
    Case("the admin socket's paths", get(b"/live"), NOTHING),
    Case("the page of a refusal", get(b"/-/400"), NOTHING),
    Case("a null byte in the path", get(b"/v1/\0echo"), MALFORMED),
    Case("an encoded null byte", get(b"/v1/%00echo"), MALFORMED),
    Case("a prefix without its slash", get(b"/v1"), NOTHING),
    Case("a broken escape", get(b"/v1/%zz"), MALFORMED),
    Case("a path without a slash", get(b"v1/echo"), MALFORMED),
    # Methods
    Case("TRACE", get(b"/v1/echo", method=b"TRACE"), METHOD),
    Case("CONNECT", get(b"localhost:11434", method=b"CONNECT"), METHOD),
    Case("OPTIONS *", get(b"*", method=b"OPTIONS"), MALFORMED),
    Case("a method in small letters", get(b"/v1/echo", method=b"get"), MALFORMED),
    Case("a method with a null byte", get(b"/v1/echo", method=b"GE\0T"), MALFORMED),
    # What a request's end is
    Case("length and chunks", post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n" + INNER), MALFORMED),
    Case("chunks and length", post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n" + INNER), MALFORMED),
    Case("two lengths", post(b"Content-Length: 0\r\nContent-Length: 44\r\n", INNER), MALFORMED),
    Case("a list of lengths", post(b"Content-Length: 0, 44\r\n", INNER), MALFORMED),
    Case("a signed length", post(b"Content-Length: +5\r\n", b"hello"), MALFORMED),
    Case("a negative length", post(b"Content-Length: -1\r\n", b""), MALFORMED),
    Case("a length beyond 64 bits", post(b"Content-Length: 99999999999999999999\r\n", b""), MALFORMED),
    Case("a length in hex", post(b"Content-Length: 0x5\r\n", b"hello"), MALFORMED),
    Case("chunks twice", post(CHUNKED * 2, b"0\r\n\r\n"), MALFORMED),
    Case("chunks with a blank before the colon", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case("chunks after a tab", post(b"Transfer-Encoding:\tchunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case("chunks by another name", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case("chunks behind identity", post(b"Transfer-Encoding: identity, chunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case("chunks on a folded line", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case("chunks behind a vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), MALFORMED),
    Case(
        "chunks in HTTP/1.0",
        b"POST /v1/echo HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n",
        MALFORMED,
    ),
    Case("a chunk that has no size", post(CHUNKED, b"zz\r\n\r\n"), MALFORMED),
    Case("a chunk of more than 64 bits", post(CHUNKED, b"fffffffffffffffff\r\n"), MALFORMED),
    Case("a good chunk", post(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"), PASS),
    Case("a chunk with an extension", post(CHUNKED, b"5;a=b\r\nhello\r\n0\r\n\r\n"), PASS),
    Case("two requests in a row", get(b"/v1/echo").replace(CLOSE, b"") + get(b"/v1/echo"), PASS, 2),
    Case("a second request behind a closed first", get(b"/v1/echo") + get(b"/v1/echo"), PASS),
    Case("a second request in a GET's body", get(b"/v1/echo", b"Content-Length: %d\r\n" % len(INNER)) + INNER, PASS),
    # Sizes
    Case("an overlong line", get(b"/v1/" + b"x" * 9000), LONG),
    Case("an overlong query", get(b"/v1/echo?" + b"x" * 9000), LONG),
    Case("an overlong header", get(b"/v1/echo", b"X: " + b"x" * 9000 + b"\r\n"), HEADERS),
    Case("too many headers", get(b"/v1/echo", *(b"X-%d: %s\r\n" % (n, b"x" * 200) for n in range(400))), HEADERS),
    Case("an announced body over the limit", post(b"Content-Length: 99999999\r\n", b""), LARGE),
    Case("a chunk over the limit", post(CHUNKED, b"5f5e0ff\r\n" + b"x" * 100), LARGE),
    # Bytes
    Case("a null byte in a header", get(b"/v1/echo", b"X: a\0b\r\n"), MALFORMED),
    Case("a folded header", get(b"/v1/echo", b"X: a\r\n b\r\n"), MALFORMED),
    Case("a header without a name", get(b"/v1/echo", b": a\r\n"), MALFORMED),
    Case("a header with a blank in its name", get(b"/v1/echo", b"X Y: a\r\n"), MALFORMED),
    Case("bytes of TLS inside TLS", b"\x16\x03\x01\x02\x00" * 40, MALFORMED),
    Case("HTTP/0.9", b"GET /v1/echo\r\n", 0),
)

# The http port answers with a redirect to the configured name. A request for another name gets no answer.
PLAIN_CASES = (
    Case("plain: a request", get(b"/v1/echo"), 308),
    Case("plain: another host", get(b"/v1/echo", host=b"Host: evil.example\r\n"), 0),
    Case("plain: a line feed to split the redirect", get(b"/v1/%0d%0aSet-Cookie:x=1"), 308),
)

# This machine's address, as the edge sees it.
CLIENT = str(networks(load(NAME, CONFIG))["edge"].subnet[1])
# Headers that the edge sends to the API, each exactly once.
STATED = {
    "host": f"localhost:{HTTPS}",
    "x-forwarded-host": f"localhost:{HTTPS}",
    "x-forwarded-port": str(HTTPS),
    "x-forwarded-proto": "https",
    "x-forwarded-for": CLIENT,
    "x-real-ip": CLIENT,
    "x-request-id": None,
}
# Headers that no request may bring to the API.
NEVER = (
    "forwarded",
    "x-original-url",
    "true-client-ip",
    "x-orca-preview",
    "proxy",
    "http2-settings",
    "x_forwarded_for",
    "te",
    "keep-alive",
    "upgrade",
    "connection",
)
REFUSALS = (MALFORMED, NOTHING, METHOD, LARGE, LONG, MISDIRECTED, HEADERS)


def check(target: Target) -> Verdict:
    tls = Wire("localhost", HTTPS, target.ca)
    plain = Wire("localhost", HTTP)
    findings: list[str] = []
    for wire, cases in ((tls, CASES), (plain, PLAIN_CASES)):
        for case in cases:
            findings += [f"{case.name}: {what}" for what in judge(case, _send(wire, case.request), target.url)]
    return verdict(
        f"{len(CASES) + len(PLAIN_CASES)} hand-made requests",
        "each gets its status, refusals are JSON, the API sees clean headers and one request",
        f"{len(CASES) + len(PLAIN_CASES)} sent",
        findings,
    )


def judge(case: Case, got: list[Reply], url: str) -> list[str]:
    """The faults of the answers to a case. A redirect may lead to `url` only."""
    statuses = [reply.status for reply in got] or [0]
    wrong = [] if statuses == [case.status] * case.answers else [f"answered {statuses}, not {case.status}"]
    for reply in got:
        if reply.status == PASS:
            wrong += unclean(reply)
        if reply.status in REFUSALS and "error" not in _json(reply):
            wrong.append(f"{reply.status} without a JSON error")
        place = reply.headers.get("location", "")
        if reply.status in (REDIRECT, 308) and place.split("/v1")[0] not in ("", url):
            wrong.append(f"redirects to {place}")
        if leaked := {"x-powered-by", "set-cookie"} & reply.headers.keys():
            wrong.append(f"the answer carries {', '.join(leaked)}")
        if reply.headers.get("server", "nginx") != "nginx":
            wrong.append(f"the answer names {reply.headers['server']}")
    return wrong


def unclean(reply: Reply) -> list[str]:
    """The faults of what the API received."""
    seen = _json(reply)
    lines = str(seen.get("head", "")).split("\r\n")[1:-2]
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    wrong = [f"the API saw {name}: {value}" for name, value in fields if name in NEVER]
    wrong += [f"the API saw {value}" for _, value in fields if "203.0.113" in value or "evil.example" in value]
    lengths = [text for key, text in fields if key in ("content-length", "transfer-encoding")]
    if len(lengths) > 1 or [text for text in lengths if text != "chunked" and not text.isdigit()]:
        wrong.append(f"the API saw the body's length as {lengths}")
    for name, value in STATED.items():
        found = [text for key, text in fields if key == name]
        if len(found) != 1 or (value is not None and found != [value]) or "chosen" in found:
            wrong.append(f"the API saw {name} as {found}")
    if seen.get("extra") != 0:
        wrong.append(f"{seen.get('extra')} bytes reached the API behind the request")
    return wrong


def _json(reply: Reply) -> dict[str, object]:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _send(wire: Wire, request: bytes) -> list[Reply]:
    try:
        return wire.send(request, timeout=5)
    except OSError:
        return []
