"""Checks which download places of a first setup can be reached, with each place's own client (pip, go, ...)."""

import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tools.toolchain import paths, pins, pulumi_official, venv

_PATIENCE = 15.0


def reachable() -> dict[str, bool | None]:
    """Name of a place to whether it can be reached; None if its client is not installed."""
    asked: dict[str, Callable[[], bool | None]] = {
        "Pulumi's downloads": lambda: pulumi_official.is_offered(pins.pinned("pulumi")),
        "Python packages": _python,
        "Go modules": _go,
        "Debian packages": _debian,
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = {name: pool.submit(ask) for name, ask in asked.items()}
    return {name: answer.result() for name, answer in answers.items()}


def _python() -> bool | None:
    if not venv.is_ready():
        return None
    command = [str(venv.python()), "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--quiet", "--retries", "0"]
    with tempfile.TemporaryDirectory() as place:
        return _succeeds([*command, "--dest", place, f"idna=={_locked('idna')}"])


def _go() -> bool | None:
    if shutil.which("go") is None:
        return None
    return _succeeds(["go", "list", "-m", "-versions", "github.com/pulumi/pulumi/sdk/v3"])


def _debian() -> bool | None:
    if shutil.which("apt-get") is None:
        return None
    listed = subprocess.run(["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False).stdout
    addresses = [line.split()[0].strip("'") for line in listed.splitlines() if line.startswith("'http")]
    if not addresses:
        return None
    try:
        with urllib.request.urlopen(urllib.request.Request(addresses[0], method="HEAD"), timeout=_PATIENCE):
            return True
    except OSError:
        return False


def _succeeds(command: list[str]) -> bool:
    environment = os.environ | {"GOFLAGS": "-mod=mod", "PIP_DEFAULT_TIMEOUT": "5"}
    try:
        asked = subprocess.run(command, cwd="/", env=environment, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _locked(package: str) -> str:
    return pins.pins((paths.CHECKOUT / venv.RUNTIME).read_text(encoding="utf-8"))[package]
