"""A certificate from an ACME authority: got, taken up and renewed while the edge runs."""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator

import docker
import pytest
import requests
from cryptography import x509

from tests.integration.edge import EdgeStack
from tools.lab.pebble.container import Pebble, running
from tools.lab.place import place
from tools.lab.wait import eventually
from tools.toolchain.images import ensure

NAME = "api.example.com"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str) -> Iterator[EdgeStack]:
    """The stack `eda`, with a self-signed certificate to begin with."""
    ensure(["lego"])
    stack = EdgeStack(tmp_path_factory.mktemp("acme"), engine, backend, place("eda"))
    try:
        stack.create()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def pebble(stack: EdgeStack, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with running(engine, stack.name, tmp_path_factory.mktemp("pebble") / "files") as authority:
        yield authority


@pytest.fixture(scope="module")
def issued(stack: EdgeStack, pebble: Pebble) -> ssl.SSLContext:
    """The edge with a certificate of Pebble's; what a client trusts then."""
    stack.wants(hostname=NAME, tls={"acme": pebble.acme})
    stack.up()
    trust = ssl.create_default_context(cafile=str(pebble.root))
    # Workers of before and after a reload accept side by side for a moment.
    eventually(lambda: all(shown(stack, trust) for _ in range(20)), 90, "all are shown Pebble's certificate")
    return trust


def shown(stack: EdgeStack, trust: ssl.SSLContext) -> int | None:
    """The serial number of the certificate that a new connection is shown; None if it is not trusted."""
    try:
        with (
            socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=5) as plain,
            trust.wrap_socket(plain, server_hostname=NAME) as connection,
        ):
            der = connection.getpeercert(binary_form=True)
    except ssl.SSLError:
        return None
    assert der
    return x509.load_der_x509_certificate(der).serial_number


def test_one_is_got_and_shown(stack: EdgeStack, issued: ssl.SSLContext) -> None:
    assert shown(stack, issued)
    assert "Pebble" in stack.status()["certificate"]["issuer"]
    assert stack.outputs()["ca"] == ""
    assert stack.planned() == {}


def test_it_is_renewed_without_a_failed_handshake(stack: EdgeStack, issued: ssl.SSLContext) -> None:
    """Its life is shorter than edge.tls.acme.renew, so each look at it renews it."""
    old = shown(stack, issued)
    started = stack.container("nginx").attrs["State"]["StartedAt"]
    seen: Counter[int | None] = Counter()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            seen[shown(stack, issued)] += 1

    looking = threading.Thread(target=look)
    looking.start()
    try:
        eventually(lambda: seen[old] > 20, 30, "the old one is seen")
        stack.container("acme").restart(timeout=5)
        eventually(lambda: shown(stack, issued) != old, 60, "another certificate is shown")
    finally:
        ended.set()
        looking.join()
    assert None not in seen
    assert stack.container("nginx").attrs["State"]["StartedAt"] == started


@pytest.mark.usefixtures("issued")
class TestItsKeeper:
    def test_is_as_confined_as_any_container(self, stack: EdgeStack) -> None:
        host = stack.container("acme").attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert [cap.removeprefix("CAP_") for cap in host["CapDrop"]] == ["ALL"]
        assert host["PidsLimit"] == 64
        assert not host["PortBindings"]

    def test_keeps_its_keys_to_itself(self, stack: EdgeStack) -> None:
        loose = stack.container("acme").exec_run(["find", "/var/lib/acme", "-name", "*.key", "-perm", "/007"])
        assert (loose.exit_code, loose.output) == (0, b"")

    def test_answers_challenges_and_nothing_else_in_plain(self, stack: EdgeStack) -> None:
        plain = f"http://127.0.0.1:{stack.ports[0]}"
        for path in ("/current/tls.key", "/.well-known/acme-challenge/../../current/tls.key", "/v1/hello"):
            assert (
                requests.get(plain + path, headers={"Host": NAME}, allow_redirects=False, timeout=5).status_code == 308
            )
        found = requests.get(f"{plain}/.well-known/acme-challenge/none", headers={"Host": NAME}, timeout=5)
        assert found.status_code == 404


def test_a_stack_can_go_back_to_a_self_signed_one(stack: EdgeStack, issued: ssl.SSLContext) -> None:
    """The container loses a volume, and with it the certificate that its last configuration names."""
    assert shown(stack, issued)
    stack.wants(hostname=NAME)
    stack.up()
    assert shown(stack, ssl.create_default_context(cadata=stack.outputs()["ca"]))
    assert stack.planned() == {}
