"""A certificate from an ACME authority: got, taken up and renewed while the edge runs."""

import shutil
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from cryptography import x509

import images
from benchmarks.load.client import eventually
from certificates.self_signed import authority, leaf
from tests.integration.edge import EdgeStack
from toolchain.images import ensure

NAME = "api.example.com"
EDGE, PEBBLE = "10.80.16.5", "10.80.19.20"
IMAGE = "orca-edge-pebble:1"


@dataclass(frozen=True)
class Pebble:
    """The authority: its address, what to trust when speaking to it, what clients trust after it has issued."""

    directory: str
    listener: str
    root: Path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, backend: str) -> Iterator[EdgeStack]:
    """The stack `eda`, with a self-signed certificate to begin with."""
    ensure(["lego"])
    base = tmp_path_factory.mktemp("acme")
    stack = EdgeStack(base, engine, backend, name="eda", ports=(18701, 18711), cidr="10.80.16.0/20")
    try:
        stack.create()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def pebble(stack: EdgeStack, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """A running Pebble that reaches the edge from its own network, and finds it under every name."""
    folder = tmp_path_factory.mktemp("pebble")
    shutil.copytree(Path(__file__).parent / "pebble", folder, dirs_exist_ok=True)
    ca = authority("pebble")
    pair = leaf(ca, PEBBLE)
    (folder / "tls.crt").write_text(pair.certificate)
    (folder / "tls.key").write_text(pair.key)
    engine.images.build(path=str(folder), tag=IMAGE, rm=True, buildargs={"DEBIAN": images.reference("debian")})
    container = engine.containers.create(IMAGE, [EDGE], name=f"{stack.name}-pebble", network="none")
    try:
        engine.networks.get("none").disconnect(container)
        engine.networks.get(f"{stack.name}-egress").connect(container, ipv4_address=PEBBLE)
        engine.networks.get(f"{stack.name}-edge").connect(container)
        container.start()
        (folder / "ca.pem").write_text(ca.certificate)

        def answer() -> bool:
            try:
                got = requests.get(f"https://{PEBBLE}:15000/roots/0", verify=str(folder / "ca.pem"), timeout=2)
            except requests.RequestException:
                return False
            (folder / "root.pem").write_text(got.text)
            return got.ok

        eventually(answer, 20, "pebble answers")
        yield Pebble(f"https://{PEBBLE}:14000/dir", ca.certificate, folder / "root.pem")
    finally:
        container.remove(force=True)
        engine.images.remove(IMAGE, force=True)


@pytest.fixture(scope="module")
def issued(stack: EdgeStack, pebble: Pebble) -> ssl.SSLContext:
    """The edge with a certificate of Pebble's; what a client trusts then."""
    acme: dict[str, Any] = {"email": "ops@example.com", "directory": pebble.directory, "authority": pebble.listener}
    stack.wants(hostname=NAME, tls={"acme": acme})
    stack.up()
    trust = ssl.create_default_context(cafile=str(pebble.root))
    eventually(lambda: shown(stack, trust) is not None, 90, "a certificate of Pebble's is shown")
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
        stack.container("acme").restart(timeout=5)
        eventually(lambda: shown(stack, issued) != old, 60, "another certificate is shown")
    finally:
        ended.set()
        looking.join()
    assert None not in seen
    assert seen[old] > 20
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
