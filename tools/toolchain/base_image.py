"""The Debian that all images are built on: the published one, or one made from Debian's own packages."""

import os
import re
import shutil
import subprocess

import images
from tools.toolchain import apt, paths, problems, processes
from tools.toolchain.progress import Step

# How long the hub may take to deliver 30 MB, in seconds.
PATIENCE = 60
_FOLDER = images.FOLDER / images.BASE
_STEP = "base image"
# What debootstrap says where it cannot download.
_NO_ARCHIVE = ("failed getting release", "couldn't download", "couldn't retrieve")


def published() -> str:
    """The pinned image, as the Dockerfiles name it."""
    found = re.search(r"^ARG DEBIAN=(\S+)$", (images.FOLDER / images.NAMES[0] / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def ensure(step: Step) -> str:
    """Have a base image in the engine; gives its reference. Raises Problem."""
    own = images.reference(images.BASE)
    for reference in (published(), own):
        if _inspect(reference):
            return reference
    if _pull(published(), step):
        return published()
    _bootstrap(own, step)
    return own


def _inspect(reference: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", reference], capture_output=True, check=False).returncode == 0


def _pull(reference: str, step: Step) -> bool:
    with step.doing(f"pulling {reference.split('@')[0]}"):
        try:
            command = ["docker", "pull", "--quiet", reference]
            pulled = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            reason = (pulled.stderr.strip().splitlines() or [""])[-1]
            done = pulled.returncode == 0
        except subprocess.TimeoutExpired:
            done, reason = False, f"not there within {PATIENCE} s"
    if not done:
        step.say(f"the image hub cannot be used ({reason})")
    return done


def _bootstrap(reference: str, step: Step) -> None:
    if os.geteuid() != 0:
        raise problems.Problem(
            f"{_STEP}: the image hub cannot be reached, and making Debian from its packages takes root.\n"
            "Nothing has changed. Run the same command as root, or load the image by hand: on a machine that can pull, "
            f"`docker pull {published()}` and `docker save`; here, `docker load`."
        )
    if not shutil.which("debootstrap"):
        apt.install(["debootstrap"], step, why="debootstrap, which makes a Debian from its packages,")
    root = paths.cache() / "debian-root"
    archive = paths.cache() / "debian-root.tar"
    shutil.rmtree(root, ignore_errors=True)  # what a killed run has left
    log = paths.log("image-debian")
    # In a mount namespace of its own: mounts that debootstrap makes are gone with it, however it ends.
    bootstrap = ["unshare", "--mount", "--fork", "--kill-child", "sh", str(_FOLDER / "bootstrap.sh")]
    try:
        with step.doing("making Debian from its packages"):
            processes.run([*bootstrap, str(root), str(archive)], log=log, on_line=step.detail)
            command = ["docker", "import", "--change", 'CMD ["bash"]', str(archive), reference]
            processes.run(command, log=paths.log("image-debian-import"))
    except processes.CommandFailed as failure:
        if any(sign in failure.output.lower() for sign in _NO_ARCHIVE):
            raise problems.Problem(
                f"{_STEP}: neither the image hub nor Debian's archive over http can be reached.\n"
                "Nothing has changed. Check the network, or name a mirror in DEBIAN_MIRROR (now: "
                f"{os.environ.get('DEBIAN_MIRROR', 'http://deb.debian.org/debian')}). Full output: {log}"
            ) from None
        raise problems.explain(_STEP, failure.output, registry="Debian's archive over http", log=log) from None
    finally:
        archive.unlink(missing_ok=True)
