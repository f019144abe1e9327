"""Certificates in PEM as text: the blocks of a file, and which certificate it is.

A file is read as nginx reads it (OpenSSL's PEM_read_bio; tests/certificates.py compares them case by case): text around
the blocks, a byte order mark, other blocks and CRLF are no matter; a damaged block anywhere is.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from ssl import PEM_cert_to_DER_cert

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_BODY = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a PEM file: what stands behind BEGIN, and the block's lines."""

    label: str
    text: str


def blocks(pem: str) -> list[Block]:
    """The blocks of a file, in order; text around them is left out. Raises ValueError for a damaged block."""
    found: list[Block] = []
    label, lines = "", list[str]()
    for number, line in enumerate(pem.removeprefix(_BYTE_ORDER_MARK).split("\n"), 1):
        line = line.rstrip()
        if not label:
            if begin := _BEGIN.fullmatch(line):
                label, lines = begin[1], [line]
            continue
        lines.append(line)
        if line == f"-----END {label}-----":
            found.append(Block(label=label, text="\n".join(lines) + "\n"))
            label = ""
        elif not _BODY.fullmatch(line) and not _is_header(label, lines):
            raise ValueError(f"is damaged: line {number} does not belong in the block {label}")
    if label:
        raise ValueError(f"is cut off: the block {label} has no end")
    return found


def _is_header(label: str, lines: list[str]) -> bool:
    """Whether the last of these lines is of the header of an encrypted key (RFC 1421), up to its empty line."""
    return label in KEYS and lines[1].startswith("Proc-Type: 4,ENCRYPTED") and "" not in lines[1:-1]


def fingerprint(pem: str) -> str:
    """SHA-256 in hex of the first certificate in a file: the one that a server shows. Raises ValueError for none."""
    for block in blocks(pem):
        if block.label in CERTIFICATES:
            body = "".join(block.text.splitlines()[1:-1])
            return sha256(
                PEM_cert_to_DER_cert(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")
            ).hexdigest()
    raise ValueError("there is no certificate in PEM")
