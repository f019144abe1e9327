"""Files of a certificate and its key as operators have them, right and wrong, with what is to be made of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from certificates.pem import Pair
from certificates.self_signed import authority, leaf

HOST = "api.example.com"
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
BAG = "Bag Attributes\n    friendlyName: edge\n    localKeyID: 01 02\nsubject=CN = api.example.com\nissuer=CN = CA\n"
TEXT = "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Serial Number:\n            -----\n"
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
STRANGE = "-----BEGIN STRANGE-----\nAAAA\n-----END STRANGE-----\n"
NO_CERTIFICATE, NO_KEY = "C is no certificate in PEM", "K is no private key in PEM"
PASSPHRASE, CUT_OFF, DAMAGED = "K has a passphrase", "C is cut off", "C is damaged"
NOT_ITS_KEY = "K is not the key of C"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, kw_only=True)
class Case:
    """`words` of the refusal, with C and K for the two files; empty for a pair that is accepted. `nginx`: whether nginx
    reads the pair. It reads some that no client would accept."""

    name: str
    certificate: bytes
    key: bytes
    words: str
    nginx: bool


@cache
def cases() -> tuple[Case, ...]:
    return (*_refused_by_both(), *_refused_here(), *_accepted())


def _case(name: str, certificate: str | bytes, key: str | bytes, words: str = "", *, nginx: bool | None = None) -> Case:
    return Case(
        name=name,
        certificate=certificate.encode() if isinstance(certificate, str) else certificate,
        key=key.encode() if isinstance(key, str) else key,
        words=words,
        nginx=not words if nginx is None else nginx,
    )


@cache
def _pairs() -> tuple[Pair, Pair, Pair]:
    """A CA, and two certificates for HOST."""
    ca = authority("table")
    return ca, leaf(ca, HOST), leaf(ca, HOST)


def _of(
    key: Key,
    form: PrivateFormat = PrivateFormat.PKCS8,
    *,
    begins: int = -1,
    ends: int = 30,
    names: tuple[str, ...] = (HOST,),
) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key; its life in days from now."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, form, NoEncryption())


def _lines(text: str, form: str) -> str:
    """Every line of a text in another form."""
    return "".join(form.format(line) for line in text.splitlines())


def _accepted() -> Iterator[Case]:
    ca, own, other = _pairs()
    c, k = own.certificate, own.key
    parsed = load_pem_private_key(k.encode(), None)
    traditional = parsed.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = parsed.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    body = c.splitlines()
    yield _case("plain", c, k)
    yield _case("no newline at the end", c.rstrip(), k.rstrip())
    yield _case("a chain", c + ca.certificate, k)
    yield _case("two certificates of servers", c + other.certificate, k)
    yield _case("one certificate twice", c + c, k)
    yield _case("bag attributes", BAG + c, BAG + k)
    yield _case("openssl x509 -text", TEXT + c, k)
    yield _case("text in Latin-1", "subject=O = Müller\n".encode("latin-1") + c.encode(), k)
    yield _case("text behind", c + "some text\n", k + "some text\n")
    yield _case("text between", c + BAG + ca.certificate, k)
    yield _case("text with dashes", "-----\n-----BEGIN\n" + c, k)
    yield _case("a long line of text", "#" * 5000 + "\n" + c, k)
    yield _case("CRLF", c.replace("\n", "\r\n"), k.replace("\n", "\r\n"))
    yield _case("a byte order mark", BOM + c + ca.certificate, BOM + k)
    yield _case("a byte order mark before text", BOM + BAG + c, BOM + BAG + k)
    yield _case("the key first", k + c, k)
    yield _case("both in one file", c + k, c + k)
    yield _case("both in one file, the key first", k + c, k + c)
    yield _case("blank lines around", f"\n \n{c}\n \n", f"\n \n{k}\n \n")
    yield _case("blanks at the ends of lines", _lines(c, "{} \t\n"), _lines(k, "{} \t\n"))
    yield _case("one long line", "\n".join([body[0], "".join(body[1:-1]), body[-1]]), k)
    yield _case("an old label", c.replace("CERTIFICATE", "X509 CERTIFICATE"), k)
    yield _case("other blocks before", STRANGE + public + c, STRANGE + public + k)
    yield _case("parameters before the key", c, PARAMETERS + traditional)
    yield _case("a traditional key", c, traditional)
    yield _case("two keys", c, k + other.key)
    yield _case("a wildcard", *_of(ec.generate_private_key(ec.SECP256R1()), names=("*.example.com",)))
    yield _case("RSA", *_of(rsa.generate_private_key(65537, 2048)))
    yield _case("RSA, traditional", *_of(rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL))
    yield _case("Ed25519", *_of(ed25519.Ed25519PrivateKey.generate()))
    yield _case("P-384", *_of(ec.generate_private_key(ec.SECP384R1())))


def _refused_here() -> Iterator[Case]:
    """nginx reads these, and serves what no client accepts, or what is surely not meant."""
    _, own, _ = _pairs()
    trusted = own.certificate.replace("CERTIFICATE", "TRUSTED CERTIFICATE")
    yield _case("a trusted one", trusted, own.key, "C is in OpenSSL's form for trusted certificates", nginx=True)
    key = ec.generate_private_key(ec.SECP256R1())
    yield _case("expired", *_of(key, begins=-9, ends=-1), "which is not now", nginx=True)
    yield _case("not yet valid", *_of(key, begins=5), "which is not now", nginx=True)
    yield _case("another name", *_of(key, names=("b.example",)), "C is for b.example, not for", nginx=True)
    yield _case("no name", *_of(key, names=()), "C is for no name at all", nginx=True)


def _refused_by_both() -> Iterator[Case]:
    ca, own, other = _pairs()
    c, k = own.certificate, own.key
    body, key_body = c.splitlines(), k.splitlines()
    parsed = load_pem_private_key(k.encode(), None)
    assert isinstance(parsed, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(c.encode())
    request = x509.CertificateSigningRequestBuilder().subject_name(certificate.subject).sign(parsed, hashes.SHA256())
    csr = request.public_bytes(Encoding.PEM).decode()
    public = parsed.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    der = parsed.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    yield _case("the CA first", ca.certificate + c, k, NOT_ITS_KEY)
    yield _case("another key", c, other.key, NOT_ITS_KEY)
    yield _case("another key first", c, other.key + k, NOT_ITS_KEY)
    yield _case("an empty certificate", "", k, NO_CERTIFICATE)
    yield _case("an empty key", c, "", NO_KEY)
    yield _case("a certificate in DER", certificate.public_bytes(Encoding.DER), k, NO_CERTIFICATE)
    yield _case("a key in DER", c, der, NO_KEY)
    yield _case("UTF-16", c.encode("utf-16"), k, NO_CERTIFICATE)
    yield _case("HTML", "<html><body>404</body></html>\n", k, NO_CERTIFICATE)
    yield _case("a request", csr, k, f"{NO_CERTIFICATE}, but CERTIFICATE REQUEST")
    yield _case("a key for a certificate", k, k, f"{NO_CERTIFICATE}, but PRIVATE KEY")
    yield _case("a certificate for a key", c, c, f"{NO_KEY}, but CERTIFICATE")
    yield _case("a public key", c, public, f"{NO_KEY}, but PUBLIC KEY")
    yield _case("parameters without a key", c, PARAMETERS, f"{NO_KEY}, but EC PARAMETERS")
    yield _case("PKCS #7", c.replace("CERTIFICATE", "PKCS7"), k, f"{NO_CERTIFICATE}, but PKCS7")
    yield _case("lower case", c.lower(), k, NO_CERTIFICATE)
    yield _case("CR alone", c.replace("\n", "\r"), k, NO_CERTIFICATE)
    yield _case("indented", _lines(c, "  {}\n"), k, NO_CERTIFICATE)
    yield _case("a backslash and n for a newline", c.replace("\n", "\\n"), k, NO_CERTIFICATE)
    yield _case("blanks for newlines", c.replace("\n", " "), k, NO_CERTIFICATE)
    yield _case("text before it on its line", "text " + c, k, NO_CERTIFICATE)
    yield _case("NUL before it", "\0" + c, k, NO_CERTIFICATE)
    yield _case("blank lines inside", c.replace("\n", "\n\n"), k, DAMAGED)
    yield _case("a chain without a newline between", c.rstrip() + ca.certificate, k, DAMAGED)
    yield _case("another end", c.replace("END CERTIFICATE", "END CERT"), k, DAMAGED)
    yield _case("a character that is no base64", c.replace(body[3], "!" + body[3][1:]), k, DAMAGED)
    yield _case("a header", c.replace(body[0], f"{body[0]}\nComment: x\n"), k, DAMAGED)
    yield _case("lines in another order", "\n".join([body[0], body[2], body[1], *body[3:]]), k, DAMAGED)
    yield _case("a wrong length", c.replace(body[3], body[3][1:]), k, DAMAGED)
    yield _case("an empty block", f"{body[0]}\n{body[-1]}\n", k, DAMAGED)
    yield _case("a damaged one in the chain", f"{c}{body[0]}\nAAAA\n{body[-1]}\n", k, DAMAGED)
    yield _case("a damaged block before", STRANGE.replace("AAAA", "!!!!") + c, k, DAMAGED)
    yield _case("half of it", c[: len(c) // 2], k, CUT_OFF)
    yield _case("no end", "\n".join(body[:-1]), k, CUT_OFF)
    yield _case("half of the chain", c + ca.certificate[:200], k, CUT_OFF)
    yield _case("a key with a passphrase", c, _sealed(parsed, PrivateFormat.PKCS8), PASSPHRASE)
    yield _case("a traditional one", c, _sealed(parsed, PrivateFormat.TraditionalOpenSSL), PASSPHRASE)
    yield _case("half of the key", c, k[:100], "K is cut off")
    yield _case("a key that is no base64", c, k.replace(key_body[1], "!" + key_body[1][1:]), "K is damaged")
    yield _case("a key of another kind", c, k.replace("PRIVATE", "RSA PRIVATE"), "K is damaged")
    yield _case("a short RSA key", *_of(rsa.generate_private_key(65537, 1024)), "K has 1024 bits")


def _sealed(key: ec.EllipticCurvePrivateKey, form: PrivateFormat) -> bytes:
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"passphrase"))
