"""The official release of the Pulumi CLI, with its language hosts, from Pulumi's download host."""

import hashlib
import platform
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from tools.toolchain import cache, paths, problems
from tools.toolchain.progress import Step

_HOST = "https://get.pulumi.com/releases/sdk"
# Longest wait for an answer of the download host, in seconds.
_PATIENCE = 5.0
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_CHUNK = 1024 * 1024


def location(version: str) -> Path:
    """The directory for this release. It need not exist."""
    return paths.cache() / "pulumi-official" / f"{version}-{_target()}"


def is_ready(version: str) -> bool:
    return cache.is_complete(location(version))


def is_offered(version: str) -> bool:
    """Whether the download host answers and has this release for this machine."""
    asked = urllib.request.Request(f"{_HOST}/{_archive(version)}", method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def download(version: str, step: Step) -> Path:
    """Download the release, check it against Pulumi's published checksums, and return its directory.

    Raises Problem if the download breaks off or its checksum is wrong.
    """
    with step.doing(f"downloading the official release {version}"):
        return cache.fill(location(version), lambda entry: _download(version, entry, step))


def checksum(listing: str, archive: str) -> str | None:
    """The SHA-256 of `archive` in a checksums file (lines of `<hex>  <name>`), if it is listed."""
    lines = (line.split() for line in listing.splitlines())
    return next((words[0] for words in lines if len(words) == 2 and words[1].lstrip("*") == archive), None)


def _download(version: str, entry: Path, step: Step) -> None:
    archive = _archive(version)
    packed = entry / archive
    try:
        with urllib.request.urlopen(f"{_HOST}/pulumi-{version}-checksums.txt", timeout=30) as answer:
            wanted = checksum(answer.read().decode(), archive)
        found = _fetch(f"{_HOST}/{archive}", packed, step)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as failure:
        raise problems.Problem(
            f"pulumi CLI: the download of {archive} broke off ({failure}).\n"
            "What was ready before is unchanged. Run the same command again."
        ) from None
    if found != wanted:
        raise problems.Problem(
            f"pulumi CLI: {archive} is not what Pulumi published (SHA-256 {found}, should be {wanted or 'listed'}).\n"
            "The file was deleted. Run the same command again. If this happens again, do not trust the network."
        )
    with tarfile.open(packed) as content:
        content.extractall(entry, filter="data")
    packed.unlink()
    for file in (entry / "pulumi").iterdir():
        file.rename(entry / file.name)


def _fetch(url: str, target: Path, step: Step) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while chunk := answer.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
            step.detail(f"{file.tell() / 1e6:.0f} of {total / 1e6:.0f} MB")
    return digest.hexdigest()


def _archive(version: str) -> str:
    return f"pulumi-v{version}-{_target()}.tar.gz"


def _target() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}"
