"""Certificates in PEM: which one it is, and whether it will do."""

import ssl
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_END = "-----END CERTIFICATE-----"


def fingerprint(pem: str) -> str:
    """SHA-256 in hex of the first certificate in a chain: the one that a server shows. Raises ValueError for no PEM."""
    return sha256(ssl.PEM_cert_to_DER_cert(pem[: pem.find(_END)].strip() + f"\n{_END}")).hexdigest()


def check(certificate: str, key: str, hostname: str, *, names: tuple[str, str], at: datetime | None = None) -> None:
    """Raises ValueError unless the pair would serve `hostname` now. `names` is what to call the two in the message."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
    except ValueError:
        raise ValueError(f"{names[0]} is no certificate in PEM") from None
    try:
        public = load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, TypeError):
        raise ValueError(f"{names[1]} is no private key in PEM without a passphrase") from None
    if public != leaf.public_key():
        raise ValueError(f"{names[1]} is not the key of {names[0]}; a chain begins with the server's own certificate")
    now = at or datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        life = f"from {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise ValueError(f"{names[0]} is valid {life}, which is not now")
    known = _names(leaf)
    if hostname.lower() not in known and f"*.{hostname.lower().partition('.')[2]}" not in known:
        raise ValueError(f"{names[0]} is for {', '.join(known) or 'no name at all'}, not for edge.hostname {hostname}")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [name.lower() for name in found.get_values_for_type(x509.DNSName)] + addresses
