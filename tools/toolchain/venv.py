"""The one virtual environment of the Pulumi program, the rollout and the tests. It is outside of the checkout."""

import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from tools.toolchain import apt, cache, paths, problems, processes
from tools.toolchain.progress import Step

RUNTIME = "requirements.lock"
DEVELOPMENT = "requirements-dev.lock"
_STEP = "python packages"


def location() -> Path:
    """The directory of the environment for this checkout's packages and this Python. It need not exist."""
    locked = (paths.CHECKOUT / RUNTIME).read_bytes()
    # The base prefix, because this code may run inside the environment.
    return paths.cache() / "venv" / cache.key(locked, platform.python_version(), sys.base_prefix, platform.machine())


def python() -> Path:
    """The environment's interpreter."""
    return location() / "bin" / "python"


def is_ready(*, dev: bool = False) -> bool:
    """Whether all packages are installed; with `dev` also those for tests and linters."""
    return cache.is_complete(location()) and (not dev or cache.is_complete(location(), _dev_mark()))


def ensure(step: Step, *, dev: bool) -> Path:
    """Create the environment if it is missing, and return its interpreter.

    The packages for development are added to the same environment: their lock file holds the same versions of the
    others, so an interrupted call leaves the program's packages whole.
    """
    if is_ready(dev=dev):
        return python()
    with step.doing("installing from the package index"):
        cache.fill(location(), lambda entry: _make(entry, step))
        if dev and not is_ready(dev=True):
            _install(DEVELOPMENT, step)
            cache.complete(location(), _dev_mark())
    return python()


def _make(entry: Path, step: Step) -> None:
    # Debian has the `venv` module without the packages that it needs.
    if find_spec("ensurepip") is None:
        apt.install(["python3-venv"], step, why="Python's venv module")
    try:
        processes.run([os.path.realpath(sys.executable), "-m", "venv", str(entry)], log=paths.log("venv"))
    except processes.CommandFailed as failure:
        raise problems.explain(_STEP, failure.output, registry=None, log=paths.log("venv")) from None
    _install(RUNTIME, step)


def _install(lock: str, step: Step) -> None:
    collected = 0

    def count(line: str) -> None:
        nonlocal collected
        collected += line.startswith("Collecting ")
        step.detail(f"packages found: {collected}")

    log = paths.log("pip")
    command = [str(python()), "-I", "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(paths.CHECKOUT / lock)]
    try:
        processes.run(command, log=log, on_line=count, env=os.environ | {"PIP_USER": "0"})
    except processes.CommandFailed as failure:
        registry = "the Python package index that pip is configured for"
        raise problems.explain(_STEP, failure.output, registry=registry, log=log) from None


def _dev_mark() -> str:
    return ".complete-dev-" + cache.key((paths.CHECKOUT / DEVELOPMENT).read_bytes())
