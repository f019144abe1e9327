"""The containers of the monitoring, as plain data."""

from typing import Any

import pytest

from components.stack_file import read_stack
from settings import Settings, load
from workloads.stack import Stack, stack
from workloads.workload import Workload

OBS = {"cadvisor"}
"""The services of the monitoring, which `monitoring: off` leaves out."""


def dev(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    return load("dev", {**base, **values})


def service(name: str, settings: Settings | None = None) -> Workload:
    return next(work for work in stack(settings or dev()).services if work.service == name)


def names(whole: Stack) -> set[str]:
    return {work.service for work in whole.services}


def test_off_leaves_all_of_it_out() -> None:
    assert names(stack(dev())) - names(stack(dev(monitoring="off"))) == OBS
    assert "obs" not in stack(dev(monitoring="off")).networks


@pytest.mark.parametrize("name", sorted(OBS))
def test_production_has_published_images_by_digest(name: str) -> None:
    assert "@sha256:" in service(name, read_stack("prod")).image


class TestCadvisor:
    def test_nobody_but_the_monitoring_reaches_it(self) -> None:
        """It holds the engine's socket."""
        whole = stack(dev())
        reached = {door.open_to for door in whole.doors if door.to == "cadvisor"}
        assert all(sources <= OBS for sources in reached)
        assert all(found.network == "obs" for found in service("cadvisor").networks)

    def test_it_only_reads(self) -> None:
        work = service("cadvisor")
        assert {found.path for found in work.host_paths} >= {"/var/run", "/sys", "/var/lib/docker"}
        assert work.devices == ("/dev/kmsg",)
        assert work.capabilities.add == ("CAP_SYSLOG",)
        assert work.read_only
