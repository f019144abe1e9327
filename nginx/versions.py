"""Which versions of nginx are free of the faults that are public, and what an image's tag says of its version.

Source: nginx's changes of 2026-11-18. 1.30.7 and 1.31.9 mend CVE-2026-123007 and CVE-2026-123633 (HTTP/2),
CVE-2026-118899 (bodies of requests, whatever the protocol) and CVE-2026-123634 (the resolver, which this edge does not
use). A new advisory changes LEAST_SAFE and the list in docs/security.md.

Debian's patched packages (1.22.1-9+deb12u11, 1.26.3-3+deb13u11) are missing on purpose: `nginx -v` does not tell them
from unpatched ones, and they lack directives that the edge's configuration needs (max_headers, from 1.29.8).
"""

import re

Version = tuple[int, int, int]

LEAST_SAFE: tuple[Version, ...] = ((1, 30, 7), (1, 31, 9))
"""The first safe version of each maintained branch, oldest branch first. A newer branch is safe, an older one not."""

_IMAGE = re.compile(r"(?:.*/)?nginx(?:-unprivileged)?:(\d+\.\d+\.\d+)(?![\d.])")
_SAID = re.compile(r"nginx/(\d+\.\d+\.\d+)")


def is_safe(version: Version) -> bool:
    """Whether this version has none of the public faults."""
    branch = [least for least in LEAST_SAFE if least[:2] == version[:2]]
    return version >= (branch or LEAST_SAFE)[-1]


def of_image(image: str) -> Version | None:
    """The version in the tag of an nginx image (`nginx:1.30.7-alpine@sha256:…`); None where the tag does not say."""
    match = _IMAGE.match(image)
    return _parsed(match[1]) if match else None


def of_program(said: str) -> Version | None:
    """The version in what `nginx -v` says; None where it says none."""
    match = _SAID.search(said)
    return _parsed(match[1]) if match else None


def text(version: Version) -> str:
    return ".".join(map(str, version))


def wanted() -> str:
    """The safe versions, for a message: `1.30.7, or 1.31.9 or later`."""
    return f"{', '.join(map(text, LEAST_SAFE[:-1]))}, or {text(LEAST_SAFE[-1])} or later"


def _parsed(number: str) -> Version:
    major, minor, patch = map(int, number.split("."))
    return major, minor, patch
