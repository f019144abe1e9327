"""Take over what a deployment left that was killed: its lock, and objects that it made but did not record.

Pulumi records an operation before it begins. What stands in the state as begun and never ended may exist on the host
under its fixed name, where it would be in the way of the same operation.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import docker
from docker.errors import APIError, NotFound

from engine.client import connect, say
from ops import pulumi

_POLL = 1.0  # seconds


def wait_for_other(stack: str, patience: float = 1800) -> None:
    """Wait while another deployment of this stack runs on this machine; drop the lock of one that has died.

    Only a file backend keeps locks of this kind. A lock from another machine is left to its owner: pulumi names it.
    """
    deadline = time.monotonic() + patience
    said = False
    while lock := _lock(stack):
        holder = json.loads(lock.read_text())
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


def finish_interrupted(stack: str) -> None:
    """Remove what was begun and never recorded, and the records of it, so that the next update makes it anew.

    Volumes stay: the provider adopts them by name, and they may hold data.
    """
    state = json.loads(pulumi.read("stack", "export", "--stack", stack))
    pending = state["deployment"].get("pending_operations") or []
    if not pending:
        return
    known = {resource.get("id") for resource in state["deployment"].get("resources") or []}
    client = connect()
    for operation in pending:
        if operation["type"] == "creating":
            _remove(client, operation["resource"], known)
    say(f"{len(pending)} operations of {stack} were interrupted; their half-made parts are removed.")
    state["deployment"]["pending_operations"] = []
    pulumi.read("stack", "import", "--stack", stack, "--force", stdin=json.dumps(state))


def _remove(client: docker.DockerClient, resource: dict[str, Any], known: set[str | None]) -> None:
    name = resource.get("inputs", {}).get("name")
    removals: dict[str, Callable[[str], None]] = {
        "docker:index/container:Container": lambda found: client.api.remove_container(found, force=True, v=True),
        "docker:index/network:Network": client.api.remove_network,
    }
    finders: dict[str, Callable[[str], Any]] = {
        "docker:index/container:Container": client.containers.get,
        "docker:index/network:Network": lambda wanted: next(iter(client.networks.list(names=[f"^{wanted}$"])), None),
    }
    remove, find = removals.get(resource["type"]), finders.get(resource["type"])
    if not (remove and find and name):
        return
    try:
        found = find(name)
        if found is not None and found.id not in known:
            remove(found.id)
    except NotFound:
        return
    except APIError as error:
        say(f"{name}, half made, could not be removed: {error.explanation}")


def _lock(stack: str) -> Path | None:
    """The first lock file of this stack in a file backend."""
    found = [path for path in _backend("locks").rglob("*.json") if path.parent.name == stack]
    return min(found, default=None)


def _mend(stack: str) -> None:
    """Drop a file of attributes that was cut off while it was written: the backend can do without, but not with it.

    The state itself is replaced by a rename, so it is whole.
    """
    for attributes in _backend("stacks").rglob(f"{stack}.json*.attrs"):
        if attributes.stat().st_size == 0:
            attributes.unlink()


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
