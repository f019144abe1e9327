"""`python3 -m tools.toolchain doctor`: what the machine has and where it came from, what it lacks, and what to do."""

import contextlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import images
from tools.toolchain import (
    docker_cli,
    engine,
    environment,
    paths,
    pins,
    provider_plugins,
    pulumi_built,
    pulumi_cli,
    registries,
    venv,
)
from tools.toolchain.images import exists

# The host ports of the dev stack: where Pulumi.dev.yaml has another one, and what it is otherwise.
PORTS = {
    r"^\s+httpPort:\s*(\d+)": 8080,
    r"^\s+httpsPort:\s*(\d+)": 8443,
    r"^\s+orca-agents:pages:\s+port:\s*(\d+)": 9080,
}
# Disk space that a first setup needs, in bytes.
ROOM = 10 * 10**9
_SET_UP = "python3 -m tools.toolchain setup"


@dataclass(frozen=True)
class Finding:
    """One line of the table. `advice` says what to do if the state is not `ok`."""

    name: str
    state: Literal["ok", "note", "missing"]
    found: str
    way: str = ""
    advice: str = ""


def report() -> int:
    """Print the table. Returns 0 if nothing is missing, else 1."""
    findings = examine()
    print(table(findings))
    return 1 if any(finding.state == "missing" for finding in findings) else 0


def examine() -> list[Finding]:
    """Look at everything. Changes nothing."""
    cli = pulumi_cli.find()
    reachable = registries.reachable()
    return [
        _python(),
        _packages(),
        _go(cli, official_offered=bool(reachable["Pulumi's downloads"])),
        *_pulumi(cli),
        *(_docker() if (far := _dev(r"^[^#\n]*\bdockerHost\b['\"]?\s*:\s+(\S+)")) is None else [_elsewhere(far)]),
        _room(),
        *(_registry(name, answers) for name, answers in reachable.items()),
        *(map(_port, _ports()) if far is None else []),
    ]


def table(findings: list[Finding]) -> str:
    """The findings in aligned columns, then each advice once, with the names that it is for."""
    rows = [("", "STATE", "FOUND", "WAY"), *((it.name, it.state, it.found, it.way) for it in findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    advice = [
        f"{', '.join(it.name for it in findings if it.advice == what)}: {what}"
        for what in dict.fromkeys(it.advice for it in findings if it.advice)
    ]
    return "\n".join([*lines, *([""] if advice else []), *advice])


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")


def _packages() -> Finding:
    if not venv.is_ready():
        return Finding("python packages", "missing", "", advice=_SET_UP)
    extra = " with those for tests" if venv.is_ready(dev=True) else ""
    return Finding("python packages", "ok", f"{venv.location()}{extra}")


def _go(cli: pulumi_cli.Cli | None, *, official_offered: bool) -> Finding:
    version, needed = pulumi_built.go_version(), pulumi_built.required_go()
    if version and pulumi_built.can_build(version, needed, os.environ.get("GOTOOLCHAIN", "auto")):
        return Finding("go", "ok", version)
    if cli or official_offered:
        return Finding("go", "ok", f"{version or 'none'}, not needed")
    return Finding("go", "missing", version or "", advice=f"install Go {needed} or newer, to build the Pulumi CLI with")


def _pulumi(cli: pulumi_cli.Cli | None) -> list[Finding]:
    names = ("pulumi CLI", "language host", *(f"{name} plugin" for name in provider_plugins.wanted()))
    if cli is None:
        return [Finding(name, "missing", "", advice=_SET_UP) for name in names]
    made = "built from its Go module" if cli.way == "stand-in" else "official"
    findings = [Finding("pulumi CLI", "ok", f"{cli.version}, {cli.binary}", made)]
    stand_ins = environment.stand_ins(cli)
    if stand_ins and not stand_ins.is_ready:
        return findings + [Finding(name, "missing", "", advice=_SET_UP) for name in names[1:]]
    findings.append(Finding("language host", "ok", f"python, for SDK {pins.pinned('pulumi')}", cli.way))
    way = provider_plugins.way(os.environ)
    wanted = provider_plugins.wanted().items()
    return findings + [Finding(f"{name} plugin", "ok", version, way) for name, version in wanted]


def _elsewhere(host: str) -> Finding:
    return Finding("docker engine", "note", f"not asked: the dev stack is on {host}")


def _docker() -> list[Finding]:
    if shutil.which("docker") is None:
        return [Finding(name, "missing", "", advice=_SET_UP) for name in ("docker CLI", "docker engine", "images")]
    client = subprocess.run(["docker", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    findings = [Finding("docker CLI", "ok", client)]
    found = docker_cli.ask()
    if isinstance(found, docker_cli.NoAnswer):
        findings.append(Finding("docker engine", "missing", found.reason.splitlines()[-1], advice=_SET_UP))
        return [*findings, Finding("images", "missing", "unknown without an engine")]
    started = "started by this project" if engine.is_ours(engine.home()) else "was here"
    findings.append(Finding("docker engine", "ok", f"{found.version}, API {found.api}", started))
    return [*findings, _images({name for name in images.NAMES if exists(images.reference(name))})]


def _images(there: set[str]) -> Finding:
    """The images on the engine; those that the setup builds are to be there, the others where a stack needs them."""
    needed = [name for name in images.NAMES if name not in images.ON_DEMAND]
    if lacking := [name for name in needed if name not in there]:
        return Finding("images", "missing", "without " + ", ".join(lacking), advice=_SET_UP)
    return Finding("images", "ok", ", ".join(name for name in images.NAMES if name in there), "built from images/")


def _ports() -> list[int]:
    """The host ports of the dev stack."""
    return [int(_dev(pattern) or usual) for pattern, usual in PORTS.items()]


def _dev(pattern: str) -> str | None:
    """What this finds in the dev stack's file. No YAML: the system's own Python may have no package for it."""
    file = paths.CHECKOUT / "Pulumi.dev.yaml"
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE) if file.exists() else None
    return found[1] if found else None


def _room() -> Finding:
    place = next(path for path in (paths.cache(), *paths.cache().parents) if path.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.0f} GB free at {place}"
    if free >= ROOM:
        return Finding("disk", "ok", found)
    return Finding("disk", "note", found, advice=f"a first setup needs about {ROOM / 1e9:.0f} GB: make room before it")


def _registry(name: str, answers: bool | None) -> Finding:
    if answers is None:
        return Finding(name, "note", "not asked: its client is not here yet")
    return Finding(name, "ok", "reachable") if answers else Finding(name, "note", "not reachable")


def _port(port: int) -> Finding:
    name = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return Finding(name, "ok", "free")
    holders = docker_cli.running(publishing=port) if shutil.which("docker") else []
    if holders == ["dev-nginx"]:
        return Finding(name, "ok", "held by the dev stack")
    found = f"in use by {holders[0] if holders else 'another program'}"
    return Finding(name, "missing", found, advice="stop it, or set edge.httpPort and edge.httpsPort in Pulumi.dev.yaml")
