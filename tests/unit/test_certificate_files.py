"""Certificate files: what is accepted, what is refused, and in which words. nginx itself is asked in
tests/integration/test_certificate_files.py."""

from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.check import check
from certificates.pem import blocks, fingerprint
from tests.certificates import HOST, Case, cases


def text(content: bytes) -> str:
    """As components/certificate.py reads a file."""
    return content.decode(errors="replace")


def checked(case: Case) -> tuple[str, str]:
    found = check(text(case.certificate), text(case.key), HOST, names=("C", "K"))
    return found.certificate, found.key


@pytest.mark.parametrize("case", [case for case in cases() if case.words], ids=lambda case: case.name)
def test_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"^[CK] \S") as caught:
        checked(case)
    assert case.words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("case", [case for case in cases() if not case.words], ids=lambda case: case.name)
def test_accepted(case: Case) -> None:
    certificate, key = checked(case)
    leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
    known = sha256(leaf.public_bytes(Encoding.DER)).hexdigest()
    assert fingerprint(certificate) == fingerprint(text(case.certificate)) == known
    # The certificate is no secret, so no key may come along, wherever it stood.
    assert {block.label for block in blocks(certificate)} == {"CERTIFICATE"}
    assert "".join(block.text for block in blocks(certificate)) == certificate
    assert len(blocks(key)) == 1
    assert check(certificate, key, HOST, names=("C", "K")).certificate == certificate


def test_a_usual_file_stays_as_it_is() -> None:
    plain = next(case for case in cases() if case.name == "a chain")
    assert checked(plain) == (plain.certificate.decode(), plain.key.decode())


def test_a_fingerprint_of_nothing() -> None:
    for none in ("", "x", "-----BEGIN CERTIFICATE-----"):
        with pytest.raises(ValueError, match=r"certificate|CERTIFICATE"):
            fingerprint(none)
