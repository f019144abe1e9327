"""The certificate of the running edge: where it comes from, how it is changed, what is said of it."""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certificates.pem import Pair
from certificates.self_signed import authority, leaf
from tests.integration.edge import OPEN, EdgeStack
from tools.lab.wait import eventually


@pytest.fixture(scope="module")
def ca() -> Pair:
    return authority("operator")


@pytest.fixture(scope="module")
def trust(ca: Pair, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(ca.certificate)
    return ssl.create_default_context(cafile=str(path))


@pytest.fixture
def stack(edge: EdgeStack) -> Iterator[EdgeStack]:
    yield edge
    edge.configure(**OPEN)


def shown(stack: EdgeStack, trust: ssl.SSLContext) -> int:
    """The serial number of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def serial(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.certificate.encode()).serial_number


def tls(pair: Pair) -> dict[str, str]:
    return {"certificate": pair.certificate, "key": pair.key}


def test_the_end_of_its_life_is_told(stack: EdgeStack) -> None:
    found = stack.status()["certificate"]
    left = datetime.fromisoformat(found["notAfter"]) - datetime.now(UTC)
    assert timedelta(days=88) < left <= timedelta(days=90)
    assert found["issuer"] == f"Orca Agents {stack.name} development CA"
    assert "Certificate: 89 days left" in stack.rollout("status").stdout


def test_a_new_one_is_taken_up_without_a_failed_handshake(stack: EdgeStack, ca: Pair, trust: ssl.SSLContext) -> None:
    old, new = leaf(ca, "localhost"), leaf(ca, "localhost")
    stack.configure(**OPEN, tls=tls(old))
    started = stack.container("nginx").attrs["State"]["StartedAt"]
    seen: Counter[int | str] = Counter()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen[shown(stack, trust)] += 1
            except OSError as error:
                seen[str(error)] += 1

    looking = [threading.Thread(target=look) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        eventually(lambda: seen[serial(old)] > 20, 30, "the old one is seen")
        stack.wants(**OPEN, tls=tls(new))
        assert set(stack.planned()) == {"storage-edge-certificates-files", "edge-configure"}
        stack.configure(**OPEN, tls=tls(new))
        assert shown(stack, trust) == serial(new)
        eventually(lambda: seen[serial(new)] > 20, 30, "the new one is seen")
    finally:
        ended.set()
        for thread in looking:
            thread.join()
    assert set(seen) == {serial(old), serial(new)}
    assert stack.container("nginx").attrs["State"]["StartedAt"] == started
    assert stack.outputs()["ca"] == ""


def test_its_key_is_nowhere_to_be_read(stack: EdgeStack, ca: Pair) -> None:
    stack.configure(**OPEN, tls=tls(leaf(ca, "localhost")))
    assert "PRIVATE KEY" not in stack.pulumi("stack", "export").stdout
    containers = stack.engine.containers.list(all=True, ignore_removed=True)
    assert "PRIVATE KEY" not in str([container.attrs for container in containers])
    assert stack.in_state("stat -c %a:%u /etc/edge-certificates/tls.key").stdout.strip() == "440:0"


def test_it_may_come_from_files(stack: EdgeStack, ca: Pair, trust: ssl.SSLContext) -> None:
    pair = leaf(ca, "localhost")
    (stack.folder / "own.crt").write_text(pair.certificate + ca.certificate)
    (stack.folder / "own.key").write_text(pair.key)
    stack.configure(**OPEN, tls={"certificateFile": "own.crt", "keyFile": "own.key"})
    assert shown(stack, trust) == serial(pair)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("another key", "edge.tls.key is not the key of edge.tls.certificate"),
        ("another name", "edge.tls.certificate is for other.example, not for edge.hostname localhost"),
        ("no key", "edge.tls.key is no private key in PEM"),
    ],
)
def test_one_that_would_not_do_is_refused(
    stack: EdgeStack, ca: Pair, trust: ssl.SSLContext, fault: str, words: str
) -> None:
    good = leaf(ca, "localhost")
    stack.configure(**OPEN, tls=tls(good))
    bad = tls(leaf(ca, "other.example" if fault == "another name" else "localhost"))
    if fault != "another name":
        bad["key"] = leaf(ca, "localhost").key if fault == "another key" else "x"
    stack.wants(**OPEN, tls=bad)
    failed = stack.up(check=False)
    assert failed.returncode != 0
    assert words in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    assert shown(stack, trust) == serial(good)


@pytest.mark.parametrize(("profile", "version"), [("intermediate", "TLSv1.2"), ("modern", None)])
def test_profiles(stack: EdgeStack, profile: str, version: str | None) -> None:
    stack.configure(**OPEN, tls={"profile": profile})

    def speak(limit: ssl.TLSVersion) -> str | None:
        context = ssl.create_default_context(cafile=str(stack.ca))
        context.maximum_version = limit
        with (
            socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            return connection.version()

    assert speak(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    if version:
        assert speak(ssl.TLSVersion.TLSv1_2) == version
    else:
        with pytest.raises(ssl.SSLError):
            speak(ssl.TLSVersion.TLSv1_2)


def test_a_trusted_file_is_asked_for_in_one_message(stack: EdgeStack) -> None:
    stack.wants(tls={"certificateFile": "none.crt", "keyFile": "none.key"})
    failed = stack.pulumi("preview", check=False)
    assert "edge.tls.certificateFile: none.crt cannot be read" in failed.stdout + failed.stderr
    assert not Path(stack.folder / "none.crt").exists()
