"""The machine of a run, in words."""

import platform
import re
from datetime import UTC, datetime
from pathlib import Path

import docker

from tools.benchmarks.host import cores


def describe(engine: docker.DockerClient, load: float) -> list[str]:
    """Lines that describe the machine and its load average before the run. It reads Linux's /proc."""
    version, info = engine.version(), engine.info()
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return [
        f"{datetime.now(UTC):%Y-%m-%d}; {model[1] if model else platform.machine()}, {cores()} cores, "
        f"{info['MemTotal'] / 2**30:.0f} GiB of memory; load average {load:.1f} before the run",
        f"Linux {platform.release()}, Docker engine {version['Version']}, Python {platform.python_version()}",
    ]
