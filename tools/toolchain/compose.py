"""Docker Compose, which runs the rendered compose file in a test: the user's own, or Debian's program.

Debian's next release has version 2 as one program without further packages. It is taken out of its package into the
cache; nothing is installed on the machine.
"""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from tools.toolchain import cache, paths, problems, processes
from tools.toolchain.progress import Step

VERSION = "2.40.3"
OLDEST = (2, 24)
"""The first version that the file works with: it knows `configs.content` and secrets from the environment."""
_SUITE = "forky"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_WHY = "Docker Compose v2, which the tests of docker-compose.prod.yml need,"


def location() -> Path:
    """The directory with `docker-compose`, which need not exist."""
    return paths.cache() / "compose" / cache.key(VERSION, platform.machine())


def is_ready() -> bool:
    return cache.is_complete(location())


def ensure(step: Step) -> None:
    """Have Docker Compose v2, as `docker compose` or as `docker-compose` in `location`. Raises Problem."""
    if not is_ready() and not _is_the_users():
        cache.fill(location(), lambda entry: _make(entry, step))


def _is_the_users() -> bool:
    """Whether `docker compose` is there and new enough."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "compose", "version", "--format", "json"], capture_output=True, check=False)
    try:
        major, minor = json.loads(asked.stdout)["version"].lstrip("v").split(".")[:2]
        return (int(major), int(minor)) >= OLDEST
    except (ValueError, KeyError):
        return False


def _make(entry: Path, step: Step) -> None:
    if shutil.which("apt-get") is None or not Path(_KEYRING).exists():
        raise problems.Problem(
            f"{_WHY} is missing, and this machine has no Debian packages.\n"
            "Nothing has changed. Install the plugin `docker compose` (docs.docker.com/compose/install), then run the "
            "same command again."
        )
    apt = entry / "apt"  # of its own, so that neither root nor the machine's lists are needed
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "state/status").touch()
    mirror = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror} {_SUITE} main\n", encoding="utf-8")
    options = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "state/status",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "",
    }
    get = ["apt-get", "-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    log = paths.log("compose")
    with step.doing(f"taking Docker Compose {VERSION} from Debian's {_SUITE}"):
        try:
            processes.run([*get, "update"], log=log)
            processes.run([*get, "download", f"docker-compose={VERSION}*"], log=log, cwd=entry)
            package = next(entry.glob("docker-compose_*.deb"))
            processes.run(["dpkg-deb", "--extract", str(package), str(entry / "package")], log=log)
        except processes.CommandFailed as failure:
            if "was not found" in failure.output:
                raise problems.Problem(
                    f"{_WHY}: Debian's {_SUITE} no longer has version {VERSION}.\n"
                    "Nothing has changed. Name the version that it has in tools/toolchain/compose.py, or install the "
                    f"plugin `docker compose`. Full output: {log}"
                ) from None
            registry = "the Debian mirror"
            raise problems.explain("docker compose", failure.output, registry=registry, log=log) from None
    (entry / "package/usr/libexec/docker/cli-plugins/docker-compose").replace(entry / "docker-compose")
    shutil.rmtree(entry / "package")
    shutil.rmtree(apt)
    package.unlink()
