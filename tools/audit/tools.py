"""The outside tools, at the versions in `pins/`. Each is installed into the cache on first use, never on the host."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import images
from tools.toolchain import base_image, cache, paths, problems, processes
from tools.toolchain import images as builds
from tools.toolchain.progress import Progress

FOLDER = Path(__file__).parent
PINS = FOLDER / "pins"
SCANNERS = "orca-agents/scanners"
OBSERVATORY = "node_modules/@mdn/mdn-http-observatory"


def python_tool(package: str, command: str) -> tuple[str, str]:
    """The path of a command from PyPI, and the package's version. Each package has a virtual environment of its own."""
    pins = PINS / f"{package}.txt"

    def make(entry: Path) -> None:
        python = Path(sys.base_prefix) / "bin" / "python3"
        _run(package, [str(python), "-m", "venv", str(entry)])
        install = [str(entry / "bin" / "pip"), "install", "--no-deps", "--no-input", "--disable-pip-version-check"]
        _run(package, [*install, "--progress-bar", "off", "-r", str(pins)])

    entry = _entry(package, pins.read_bytes(), make)
    version = next(line.split("==")[1] for line in pins.read_text().splitlines() if line.startswith(f"{package}=="))
    return str(entry / "bin" / command), version


def observatory() -> tuple[Path, str]:
    """The folder of the MDN HTTP Observatory (itself at `OBSERVATORY`) and its dependencies, and its version."""
    pins = PINS / "observatory"
    if shutil.which("npm") is None:
        raise problems.Problem(
            "The Observatory is an npm package, and there is no npm here. Install npm (10 or newer)."
        )

    def make(entry: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(pins / name, entry)
        _run("observatory", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=entry)
        # The package downloads the HSTS preload list at install time. The audited host name is not on it.
        (entry / OBSERVATORY / "conf" / "hsts-preload.json").write_text("{}")

    lock = (pins / "package-lock.json").read_bytes()
    entry = _entry("observatory", lock, make)
    return entry, str(json.loads((entry / OBSERVATORY / "package.json").read_text())["version"])


def scanners() -> str:
    """The reference of the image with the scanners from Debian. Builds the image if the engine lacks it."""
    folder = FOLDER / "image"
    reference = f"{SCANNERS}:{cache.key(images.tree_digest(folder), images.digest(images.BASE))[:12]}"
    if not builds.exists(reference):
        _say("the scanners' image")
        base = base_image.ensure(Progress().step("base image"))
        command = ["docker", "build", "--build-arg", f"DEBIAN={base}", "--tag", reference, str(folder)]
        _run("scanners", command, env=builds.environment())
    return reference


def output(command: Sequence[str], *, timeout: float, env: dict[str, str] | None = None) -> str:
    """Standard output of a tool. Its exit code does not matter, because the check judges the findings itself."""
    return subprocess.run(
        command, env=os.environ | (env or {}), capture_output=True, text=True, timeout=timeout, check=False
    ).stdout


def _entry(name: str, content: bytes, make: Callable[[Path], None]) -> Path:
    entry = paths.cache() / "security" / f"{name}-{cache.key(content, sys.base_prefix)}"
    if not cache.is_complete(entry):
        _say(name)
    return cache.fill(entry, make)


def _say(name: str) -> None:
    print(f"security: getting {name}", file=sys.stderr, flush=True)


def _run(name: str, command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    log = paths.log(f"security-{name}")
    try:
        processes.run(command, log=log, cwd=cwd, env=os.environ | (env or {}))
    except processes.CommandFailed as failure:
        registry = "the registry that it comes from (PyPI, npm or Debian's archive)"
        raise problems.explain(name, failure.output, registry=registry, log=log) from None
