"""Host ports: which exclude each other, and what engines say of one that is taken."""

from ipaddress import ip_address

import pytest

from engine.ports import HostPort, problem_of


def port(address: str, number: int = 443) -> HostPort:
    return HostPort(ip_address(address), number)


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (port("127.0.0.1"), port("127.0.0.1"), False),
        (port("127.0.0.1"), port("0.0.0.0"), False),
        (port("::"), port("::1"), False),
        (port("127.0.0.1"), port("127.0.0.2"), True),
        (port("0.0.0.0"), port("::"), True),
        (port("0.0.0.0"), port("0.0.0.0", 80), True),
    ],
    ids=str,
)
def test_two_that_cannot_both_be_published(one: HostPort, two: HostPort, both: bool) -> None:
    assert one.overlaps(two) is two.overlaps(one) is not both


ENDPOINT = "driver failed programming external connectivity on endpoint x (0)"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{ENDPOINT}: Bind for 127.0.0.1:443 failed: port is already allocated", "another program holds it"),
        (
            f"{ENDPOINT}: Error starting userland proxy: listen tcp4 127.0.0.1:443: bind: address already in use",
            "another program holds it",
        ),
        (
            f"failed to set up container networking: {ENDPOINT}: failed to bind host port 127.0.0.1:443/tcp: address "
            "already in use",
            "another program holds it",
        ),
        (
            f"{ENDPOINT}: Error starting userland proxy: error while calling PortManager.AddPort(): cannot expose "
            "privileged port 443, you can add 'net.ipv4.ip_unprivileged_port_start=443' to /etc/sysctl.conf",
            "the engine says: driver failed",
        ),
        (
            f"{ENDPOINT}: listen tcp4 203.0.113.7:443: bind: cannot assign requested address",
            "the engine says: driver failed",
        ),
        ("Ports are not available: exposing port TCP 0.0.0.0:443: bind: permission denied", "the engine says: Ports"),
        ('OCI runtime create failed: exec: "/bin/sh": no such file or directory', ""),
        ("no space left on device", ""),
    ],
)
def test_what_an_engine_says(said: str, words: str) -> None:
    assert problem_of(said, 443).startswith(words)
    assert bool(problem_of(said, 443)) is bool(words)
