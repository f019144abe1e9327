"""What the figures were found on."""

import platform
import re
from datetime import UTC, datetime
from pathlib import Path

import docker

from tools.benchmarks.host import cores


def describe(engine: docker.DockerClient, load: float) -> list[str]:
    """The machine in a few lines of words, and its load average before the run; a Linux host is expected."""
    version, info = engine.version(), engine.info()
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return [
        f"{datetime.now(UTC):%Y-%m-%d}; {model[1] if model else platform.machine()}, {cores()} cores, "
        f"{info['MemTotal'] / 2**30:.0f} GiB of memory; load average {load:.1f} before the run",
        f"Linux {platform.release()}, Docker engine {version['Version']}, Python {platform.python_version()}",
    ]
