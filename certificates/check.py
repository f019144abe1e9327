"""Whether a pair of certificate and key will do: nginx reads it, and it serves a host name now."""

from collections.abc import Collection
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certificates.pem import CERTIFICATES, KEYS, Block, Pair, blocks

_TRUSTED = "TRUSTED CERTIFICATE"
# OpenSSL's security level 2, the default of Debian and of OpenSSL 3.2 and later.
_RSA_BITS = 2048


def check(certificate: str, key: str, hostname: str, *, names: tuple[str, str], at: datetime | None = None) -> Pair:
    """The pair of two files, without anything else that stands there: a private key in the certificate's file too.

    Raises ValueError unless nginx reads the pair and it would serve `hostname` now. `names` is what to call the two
    files in the message.
    """
    chain = _chain(certificate, names[0])
    leaf = chain[0][1]
    private, public = _key(key, names[1])
    if public != leaf.public_key():
        raise ValueError(f"{names[1]} is not the key of {names[0]}; a chain begins with the server's own certificate")
    if isinstance(public, RSAPublicKey) and public.key_size < _RSA_BITS:
        raise ValueError(f"{names[1]} has {public.key_size} bits, and nginx wants {_RSA_BITS} of an RSA key")
    now = at or datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        life = f"from {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise ValueError(f"{names[0]} is valid {life}, which is not now")
    known = _names(leaf)
    if hostname.lower() not in known and f"*.{hostname.lower().partition('.')[2]}" not in known:
        raise ValueError(f"{names[0]} is for {', '.join(known) or 'no name at all'}, not for edge.hostname {hostname}")
    return Pair(certificate="".join(block.text for block, _ in chain), key=private.text)


def _blocks(pem: str, name: str) -> list[Block]:
    try:
        return blocks(pem)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _chain(pem: str, name: str) -> list[tuple[Block, x509.Certificate]]:
    found = _blocks(pem, name)
    labels = [block.label for block in found]
    if _TRUSTED in labels:
        raise ValueError(
            f"{name} is in OpenSSL's form for trusted certificates; `openssl x509 -in …` writes the usual one"
        )
    chain: list[tuple[Block, x509.Certificate]] = []
    for block in found:
        if block.label in CERTIFICATES:
            usual = Block(label=CERTIFICATES[0], text=block.text.replace(block.label, CERTIFICATES[0]))
            try:
                chain.append((usual, x509.load_pem_x509_certificate(usual.text.encode())))
            except ValueError:
                raise ValueError(f"{name} is damaged: its certificate {len(chain) + 1} cannot be decoded") from None
    if not chain:
        raise ValueError(f"{name} is no certificate in PEM{_instead(labels)}")
    return chain


def _key(pem: str, name: str) -> tuple[Block, PublicKeyTypes]:
    found = _blocks(pem, name)
    block = next((block for block in found if block.label in KEYS), None)
    if block is None:
        raise ValueError(f"{name} is no private key in PEM{_instead([block.label for block in found])}")
    if "ENCRYPTED" in block.text:
        raise ValueError(
            f"{name} has a passphrase, which nobody enters when the edge starts; `openssl pkey` removes it"
        )
    try:
        return block, load_pem_private_key(block.text.encode(), None).public_key()
    except (ValueError, TypeError):
        raise ValueError(f"{name} is damaged: its private key cannot be decoded") from None


def _instead(labels: Collection[str]) -> str:
    """What a file without the wanted block holds."""
    if labels:
        return f", but {' and '.join(dict.fromkeys(labels))}"
    return (
        "; PEM begins with -----BEGIN on a line of its own (`openssl x509` and `openssl pkey` read DER and write PEM)"
    )


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [name.lower() for name in found.get_values_for_type(x509.DNSName)] + addresses
