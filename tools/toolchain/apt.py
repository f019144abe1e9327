"""Installs Debian packages without letting them start services on machines where nothing supervises services."""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.toolchain import paths, problems, processes
from tools.toolchain.progress import Step

# Debian asks this program whether a package may start its service (invoke-rc.d(8)); 101 means no.
POLICY = Path("/usr/sbin/policy-rc.d")
_one_at_a_time = threading.Lock()
_OURS = "#!/bin/sh\n# Put here by the toolchain of orca-agents while it installs packages.\nexit 101\n"


def usable() -> bool:
    """Whether this user can install Debian packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], step: Step, *, why: str) -> None:
    """Install packages with their newest versions from the configured mirrors.

    `why` names what needs them. Raises Problem where that is not possible.
    """
    names = " ".join(packages)
    if not usable():
        raise problems.Problem(
            f"{why} is missing, and this user cannot install it here (that takes root on Debian or Ubuntu).\n"
            f"Nothing has changed. Install it (on Debian: apt-get install {names}), then run the same command again."
        )
    log = paths.log("apt")
    quiet = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with _one_at_a_time, step.doing(f"installing {names}"), _no_services():
        try:
            # An earlier run may have been killed in the middle.
            processes.run(["dpkg", "--configure", "-a"], log=log, env=environment)
            processes.run([*quiet, "update"], log=log, env=environment)
            processes.run([*quiet, "install", "--no-install-recommends", *packages], log=log, env=environment)
        except processes.CommandFailed as failure:
            registry = "the Debian mirror that apt is configured for"
            raise problems.explain(why, failure.output, registry=registry, log=log) from None


def restore_policy(policy: Path = POLICY) -> None:
    """Undo what `install` put in place of the machine's own policy, also after it was killed."""
    saved = _saved(policy)
    if policy.is_file() and policy.read_text(encoding="utf-8", errors="replace") == _OURS:
        policy.unlink()
    if saved.exists():
        saved.replace(policy)


@contextmanager
def _no_services(policy: Path = POLICY) -> Iterator[None]:
    if Path("/run/systemd/system").is_dir():
        yield
        return
    restore_policy(policy)
    if policy.exists():
        policy.replace(_saved(policy))
    policy.write_text(_OURS, encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        restore_policy(policy)


def _saved(policy: Path) -> Path:
    return policy.with_name(policy.name + ".orca-agents-saved")
