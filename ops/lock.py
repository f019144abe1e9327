"""The lock that a deployment on this machine holds in a file backend, and what one that was killed has left of it."""

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlparse

import yaml

from components.stack_file import ROOT
from engine.client import say

_POLL = 1.0  # seconds


def wait_for_other(stack: str, patience: float = 1800) -> None:
    """Wait while another deployment of this stack runs on this machine; drop the lock of one that has died.

    Only a file backend keeps locks of this kind. A lock from another machine is left to its owner: pulumi names it.
    """
    deadline = time.monotonic() + patience
    said = False
    while lock := _lock(stack):
        try:
            holder = json.loads(lock.read_text())
        except FileNotFoundError:
            continue
        if holder["hostname"] != socket.gethostname():
            return
        if not _alive(holder["pid"]):
            say(f"A deployment of {stack} (process {holder['pid']}) was killed; its lock is removed.")
            lock.unlink(missing_ok=True)
            _mend(stack)
            continue
        if time.monotonic() > deadline:
            return
        if not said:
            say(f"Another deployment of {stack} (process {holder['pid']}) is running; waiting for its end.")
            said = True
        time.sleep(_POLL)


def _lock(stack: str) -> Path | None:
    """The first lock file of this stack in a file backend, which may have stacks of this name in other projects."""
    return min((_backend("locks") / "organization" / _project() / stack).glob("*.json"), default=None)


def _mend(stack: str) -> None:
    """Drop a file of attributes that was cut off while it was written: the backend can do without, but not with it.

    The state itself is replaced by a rename, so it is whole.
    """
    for attributes in (_backend("stacks") / _project()).glob(f"{stack}.json*.attrs"):
        if attributes.stat().st_size == 0:
            attributes.unlink()


def _project() -> str:
    return str(yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])


def _backend(part: str) -> Path:
    """A folder of the file backend; one that does not exist where the backend is another."""
    url = urlparse(os.environ.get("PULUMI_BACKEND_URL", ""))
    place = Path(url.netloc + url.path).expanduser() if url.scheme == "file" else Path(os.devnull)
    return place / ".pulumi" / part


def _alive(pid: int) -> bool:
    """Whether that process is a pulumi: the number may have been given to another one since."""
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return False
