"""Problems of a machine, each as one message: what happened, what state things are in, what to do next."""

import errno
import shutil
from pathlib import Path
from tempfile import gettempdir

from tools.toolchain import paths

_ENGINES_DATA = Path("/var/lib/docker")
_FULL = ("no space left on device", "disk quota exceeded", "enough free space")
_UNREACHABLE = (
    "no such host",
    "could not resolve",
    "name resolution",
    "temporary failure resolving",
    "failed to establish a new connection",
    "connection refused",
    "connection timed out",
    "connection reset",
    "network is unreachable",
    "i/o timeout",
    "tls handshake timeout",
    "max retries exceeded",
    # All pinned versions exist. If pip finds none, the package index did not answer.
    "(from versions: none)",
)


class Problem(Exception):
    """A problem that the user has to solve. The text is the whole message."""


def explain(step: str, output: str, *, registry: str | None, log: Path) -> Problem:
    """Make a Problem from the output of a failed command of `step`.

    `registry` names the place that the command downloads from (None: it downloads nothing). `log` has the full output.
    """
    text = output.lower()
    if any(sign in text for sign in _FULL):
        return disk_full(step)
    if registry and any(sign in text for sign in _UNREACHABLE):
        return Problem(
            f"{step}: cannot reach {registry}.\n"
            "What was ready before is unchanged. Check the network, or the proxy or mirror that this machine is "
            f"configured for, and run the same command again.\nFull output: {log}"
        )
    return Problem(
        f"{step}: failed. Its last lines:\n{_indented(output)}\n"
        f"Finished parts are unchanged. Run the same command again; it continues. Full output: {log}"
    )


def disk_full(step: str) -> Problem:
    """The problem of a full disk. The message has the free space of each disk that the setup uses."""
    places = {_device(place): place for place in (_ENGINES_DATA, Path(gettempdir()), paths.state(), paths.cache())}
    free = (f"{shutil.disk_usage(_existing(place)).free / 1e9:.1f} GB free for {place}" for place in places.values())
    return Problem(
        f"{step}: a disk is full ({', '.join(free)}).\n"
        "A first setup needs about 10 GB. Free some space and run the same command again; it continues."
    )


def from_os_error(error: OSError) -> Problem | None:
    """The problem for an operating system error that the user can solve; None if the error is a bug of the program."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full("Setup")
    place = Path(error.filename) if isinstance(error.filename, str) else None
    if place and any(
        place.is_relative_to(home) or home.is_relative_to(place) for home in (paths.cache(), paths.state())
    ):
        return Problem(
            f"Setup: {place} cannot be used ({error.strerror}).\n"
            "Give this user access to it, or set ORCA_CACHE and ORCA_STATE to directories of this user."
        )
    return None


def _device(place: Path) -> int:
    return _existing(place).stat().st_dev


def _existing(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.exists())


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
