"""Builds the Pulumi CLI from its Go module, for machines that cannot reach Pulumi's download host."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.toolchain import cache, paths, pins, problems, processes
from tools.toolchain.progress import Step

MODULE = paths.CHECKOUT / "tools" / "toolchain" / "pulumi"
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_STEP = "pulumi CLI"


def find() -> Path | None:
    """The directory of a finished build of these sources. It prefers a build by the present Go to one by another Go."""
    current = location()
    if current and cache.is_complete(current):
        return current
    builds = (paths.cache() / "pulumi-built").glob(f"{_content()}-*")
    return next(filter(cache.is_complete, builds), None) if current is None else None


def location() -> Path | None:
    """The directory for a build of these sources with the present Go; None without Go."""
    go = go_version()
    return paths.cache() / "pulumi-built" / f"{_content()}-go{go}" if go else None


def go_version() -> str | None:
    """The version of the Go on the PATH, as `1.26.8`, or None."""
    return _go_env("GOVERSION").removeprefix("go") or None


def required_go() -> str:
    """The oldest Go that can build these sources."""
    found = re.search(r"^go (\S+)$", (MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def can_build(go: str, required: str, toolchain: str) -> bool:
    """Whether Go version `go` can build them. From 1.21 on Go downloads a newer Go, unless GOTOOLCHAIN is `local`."""
    has, needs = (tuple(map(int, re.findall(r"\d+", version)[:3])) for version in (go, required))
    return has >= needs or (has >= (1, 21) and toolchain != "local")


def build(step: Step) -> Path:
    """Build the CLI and return its directory, which also holds `pulumi-language-python-exec`.

    About 4 minutes on two cores with an empty Go cache. Raises Problem without a Go that can.
    """
    _check_go()
    entry = location()
    assert entry is not None
    step.say("the official one cannot be downloaded here")
    with step.doing("building from its Go module"):
        return cache.fill(entry, lambda entry: _build(entry, step))


def _build(entry: Path, step: Step) -> None:
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        downloading = line.startswith("go: downloading")
        compiled += not downloading
        step.detail("downloading modules" if downloading else f"packages compiled: {compiled}")

    log = paths.log("pulumi-cli")
    command = ["go", "build", "-v", "-mod=readonly", "-buildvcs=false", *_flags()]
    command += ["-o", str(entry / "pulumi"), _PACKAGE]
    try:
        processes.run(command, cwd=MODULE, log=log, on_line=count)
        sdk = subprocess.check_output(["go", "list", "-m", "-f", "{{.Dir}}", _SDK], cwd=MODULE, text=True).strip()
    except processes.CommandFailed as failure:
        registry = "the Go module proxy that this machine is configured for"
        raise problems.explain(_STEP, failure.output, registry=registry, log=log) from None
    shutil.copy(Path(sdk) / "python" / "cmd" / "pulumi-language-python-exec", entry)
    (entry / "pulumi-language-python-exec").chmod(0o755)


def _check_go() -> None:
    needed = required_go()
    go = go_version()
    reason = "The official Pulumi CLI cannot be downloaded here, so it is built from its Go module"
    if go is None:
        raise problems.Problem(
            f"{_STEP}: Go is missing. {reason}, which takes Go {needed} or newer.\n"
            "Nothing has changed. Install Go (or put it on the PATH) and run the same command again."
        )
    if not can_build(go, needed, _go_env("GOTOOLCHAIN")):
        raise problems.Problem(
            f"{_STEP}: Go {go} is too old. {reason}, which takes Go {needed} or newer.\n"
            "Nothing has changed. Install a newer Go and run the same command again."
        )


def _go_env(name: str) -> str:
    try:
        # Outside of any module: a module's go.mod could select another Go.
        asked = subprocess.run(["go", "env", name], cwd="/", capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()


def _flags() -> list[str]:
    version = f"-X {_SDK}/go/common/version.Version=v{pins.pinned('pulumi')}"
    return ["-ldflags", f"-s -w {version}"]


def _content() -> str:
    return cache.key((MODULE / "go.mod").read_bytes(), (MODULE / "go.sum").read_bytes(), *_flags(), os.uname().machine)
