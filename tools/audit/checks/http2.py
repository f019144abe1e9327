"""HTTP/2: not offered by default, refused by name where nginx has a known fault in it; no smuggling where it is on.

In HTTP/2 a client can say what HTTP/1, in which the API is asked, has no words for.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nginx import versions
from tools.audit.checks.requests import unclean
from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict
from tools.audit.wire import Reply

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4
PATIENCE = 5
# The statuses that are one byte in HPACK's static table (RFC 7541, appendix A); nginx writes others as three digits.
INDEXED = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
ENDED = 0
"""The stream or the connection was ended without an answer."""
Field = tuple[bytes, bytes]


@dataclass(frozen=True)
class Case:
    """A request of these fields and this body, and the statuses that it may get."""

    name: str
    fields: tuple[Field, ...]
    body: bytes
    statuses: tuple[int, ...]


def request(
    *more: Field, method: bytes = b"GET", path: bytes = b"/v1/echo", host: bytes = b"localhost"
) -> tuple[Field, ...]:
    pseudo = ((b":method", method), (b":scheme", b"https"), (b":path", path), (b":authority", host))
    return pseudo + more


INNER = b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED = (400, ENDED)
CASES = (
    Case("a plain request", request(), b"", (200,)),
    Case("a plain body", request(method=b"POST"), b"hello", (200,)),
    Case(
        "spoofed origin headers",
        request((b"x-forwarded-for", b"203.0.113.9"), (b"forwarded", b"for=203.0.113.9")),
        b"",
        (200,),
    ),
    Case("chunks", request((b"transfer-encoding", b"chunked"), method=b"POST"), b"0\r\n\r\n" + INNER, (200, *REFUSED)),
    Case("a length that is too short", request((b"content-length", b"0"), method=b"POST"), INNER, REFUSED),
    Case("a length that is too long", request((b"content-length", b"99"), method=b"POST"), INNER, REFUSED),
    Case(
        "two lengths", request((b"content-length", b"5"), (b"content-length", b"0"), method=b"POST"), b"hello", REFUSED
    ),
    Case("a line end in a value", request((b"x-a", b"b\r\nTransfer-Encoding: chunked")), b"", REFUSED),
    Case("a line feed in a value", request((b"x-a", b"b\nX-Forwarded-For: 203.0.113.9")), b"", REFUSED),
    Case("a null byte in a value", request((b"x-a", b"b\0c")), b"", REFUSED),
    Case("a line end in a name", request((b"x-a: b\r\nx-real-ip", b"203.0.113.9")), b"", REFUSED),
    Case("a colon in a name", request((b"x-real-ip: 203.0.113.9", b"x")), b"", REFUSED),
    Case("capitals in a name", request((b"X-Real-IP", b"203.0.113.9")), b"", REFUSED),
    Case("a connection header", request((b"connection", b"x-real-ip")), b"", (200, *REFUSED)),
    Case("an upgrade", request((b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABk")), b"", (200, *REFUSED)),
    Case("a blank in the path", request(path=b"/v1/echo HTTP/1.1\r\nX: y"), b"", REFUSED),
    Case("a second request in the path", request(path=b"/v1/echo HTTP/1.1\r\n\r\nGET /api/tags"), b"", REFUSED),
    Case("a line end in the method", request(method=b"GET / HTTP/1.1\r\nX: y"), b"", REFUSED),
    Case("a path without a slash", request(path=b"v1/echo"), b"", REFUSED),
    Case("an empty path", request(path=b""), b"", REFUSED),
    Case("another host", request(host=b"evil.example"), b"", (421,)),
    Case("another host beside the right one", request((b"host", b"evil.example")), b"", (200, *REFUSED)),
    Case("two paths", (*request(), (b":path", b"/api/tags")), b"", REFUSED),
    Case("no method", request()[1:], b"", REFUSED),
    Case("a pseudo header that is none", (*request(), (b":version", b"1")), b"", REFUSED),
    Case("a pseudo header behind the others", (request()[0], (b"x-a", b"b"), *request()[1:]), b"", (200, *REFUSED)),
    Case("CONNECT", request(method=b"CONNECT"), b"", (405, *REFUSED)),
    Case("TRACE", request(method=b"TRACE"), b"", (405, *REFUSED)),
)


def check(target: Target) -> Verdict:
    context = ssl.create_default_context(cafile=target.ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    findings = [f"{_agreed(context)} is picked with edge.http2 off"] if _agreed(context) != "http/1.1" else []
    done: Any = target.container("nginx").exec_run(["nginx", "-v"])
    said = done.output.decode().strip()
    version = versions.of_program(said)
    if version and versions.is_safe(version):
        with target.with_edge(http2=True):
            findings += [] if _agreed(context) == "h2" else ["it is not offered with edge.http2 on"]
            findings += [finding for case in CASES for finding in _judged(context, case)]
        seen = f"not offered; on, with {said}: {len(CASES)} sent"
    else:
        findings += _not_refused(target, versions.text(version) if version else said)
        seen = f"not offered; edge.http2 is refused for {said}"
    return verdict(
        f"ALPN, edge.http2 on, and there {len(CASES)} hand-made requests",
        f"not offered by default; on, from nginx {versions.wanted()}: each request gets its status or an ended stream, "
        "the API sees clean headers and one request; refused by name on an older one",
        seen,
        findings,
    )


def _agreed(context: ssl.SSLContext) -> str | None:
    """The protocol that the edge picks."""
    with (
        socket.create_connection(("127.0.0.1", HTTPS), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.selected_alpn_protocol()


def _not_refused(target: Target, version: str) -> list[str]:
    """What is wrong where HTTP/2 is asked for on an nginx with a known fault in it."""
    try:
        with target.with_edge(http2=True):
            return [f"edge.http2 can be turned on with nginx {version}"]
    except AssertionError as error:
        words = f"runs nginx {version}, and HTTP/2 needs nginx {versions.wanted()}"
        said = " ".join(str(error).split())
        return [] if words in said else [f"edge.http2 is refused, but not by {words!r}: {said}"]


def _judged(context: ssl.SSLContext, case: Case) -> list[str]:
    reply = _send(context, case)
    findings = []
    if reply.status not in case.statuses:
        findings.append(f"{case.name}: answered {reply.status}, not {' or '.join(map(str, case.statuses))}")
    if reply.status == 200:
        findings += [f"{case.name}: {what}" for what in unclean(reply)]
    return findings


def _send(context: ssl.SSLContext, case: Case) -> Reply:
    """The answer to a case on a connection of its own; status `ENDED` where there is none."""
    ending = 0 if case.body else END_STREAM
    sent = PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS | ending, 1, block(case.fields))
    sent += frame(DATA, END_STREAM, 1, case.body) if case.body else b""
    status, body = ENDED, b""
    with (
        socket.create_connection(("127.0.0.1", HTTPS), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(sent)
        for kind, flags, stream, payload in _frames(connection):
            if kind == HEADERS and stream == 1:
                status = INDEXED.get(payload[0]) or int(payload[2:5])
            elif kind == DATA:
                body += payload
            if kind in (RST_STREAM, GOAWAY) or (kind in (HEADERS, DATA) and flags & END_STREAM):
                break
    return Reply(status=status, headers={}, body=body)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def block(fields: tuple[Field, ...]) -> bytes:
    """Fields as literals without an index (RFC 7541, section 6.2.2), each part shorter than 127 bytes."""
    return b"".join(b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value for name, value in fields)


def _frames(connection: ssl.SSLSocket) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each frame until the connection is closed."""
    with connection.makefile("rb") as incoming:
        while len(head := incoming.read(9)) == 9:
            payload = incoming.read(int.from_bytes(head[:3], "big"))
            yield head[3], head[4], int.from_bytes(head[5:], "big"), payload
