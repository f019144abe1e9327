"""How single values look to Pulumi and to the engine."""

import pytest

from tools.standins.docker_plugin import durations
from tools.standins.docker_plugin.routes import CPUS
from tools.standins.docker_plugin.tables.container import CONTAINER
from tools.standins.docker_plugin.writing import body
from tools.standins.protocol.provider import Failed

SECOND = 10**9


@pytest.mark.parametrize(
    ("written", "nanoseconds", "canonical"),
    [
        ("0s", 0, "0s"),
        ("1500ms", 1.5 * SECOND, "1.5s"),
        ("20ms", 0.02 * SECOND, "20ms"),
        ("60s", 60 * SECOND, "1m0s"),
        ("90s", 90 * SECOND, "1m30s"),
        ("1.5h", 5400 * SECOND, "1h30m0s"),
        ("1h0m0.5s", 3600.5 * SECOND, "1h0m0.5s"),
    ],
)
def test_durations(written: str, nanoseconds: float, canonical: str) -> None:
    assert durations.parse(written) == nanoseconds
    assert durations.text(durations.parse(written)) == canonical


@pytest.mark.parametrize("written", ["", "5", "1 s", "s", "1d", "-1s"])
def test_what_is_no_duration(written: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        durations.parse(written)


@pytest.mark.parametrize(
    ("written", "nano", "read"),
    [("2", 2 * SECOND, "2.0"), ("0.5", SECOND // 2, "0.5"), ("0.05", SECOND // 20, "0.1"), ("10", 10 * SECOND, "10.0")],
)
def test_cpus(written: str, nano: int, read: str) -> None:
    assert CPUS.to(written) == nano
    assert CPUS.back(nano) == read


def test_cpus_that_are_no_number() -> None:
    with pytest.raises(Failed, match="failed to parse many as a rational number"):
        CPUS.to("many")


def test_the_body_of_a_container() -> None:
    found = body(
        CONTAINER,
        {
            "image": "i",
            "memory": 64,
            "memorySwap": -1,
            "ports": [{"internal": 80, "external": 8080, "ip": "127.0.0.1"}],
            "volumes": [
                {"volumeName": "v", "containerPath": "/v", "readOnly": True},
                {"containerPath": "/anonymous"},
            ],
            "labels": [{"label": "a", "value": "1"}],
            "gpus": "device=0,1",
            "capabilities": {"adds": ["net_admin", "CAP_CHOWN"], "drops": ["all"]},
        },
    )
    assert found["Config"] == {
        "Image": "i",
        "Labels": {"a": "1"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/anonymous": {}},
    }
    assert found["HostConfig"] == {
        "Memory": 64 * 1024 * 1024,
        "MemorySwap": -1,
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "Binds": ["v:/v:ro"],
        "CapAdd": ["CAP_NET_ADMIN", "CAP_CHOWN"],
        "CapDrop": ["ALL"],
        "DeviceRequests": [{"Driver": "", "Capabilities": [["gpu"]], "DeviceIDs": ["0", "1"]}],
    }
