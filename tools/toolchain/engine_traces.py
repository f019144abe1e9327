"""What an engine leaves on a machine: processes, pid files, mounts and a bridge; found, and removed if it is ours."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

# Set in the environment of an engine that is started here, and so in that of all its children: it tells them from
# others even after a crash, when the pid files say nothing any more.
MARK = "ORCA_AGENTS_ENGINE"
_BRIDGE = "docker0"


def marked(home: str) -> list[int]:
    """The processes of the engine that was started for `home`."""
    wanted = f"{MARK}={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def command(pid: int) -> str:
    """A process's short name, empty if there is no such process."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return ""


def end(pids: Iterable[int], number: signal.Signals, patience: float) -> None:
    """Send a signal and wait up to `patience` seconds until the processes are gone."""
    left = [pid for pid in pids if _send(pid, number)]
    deadline = time.monotonic() + patience
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [pid for pid in left if command(pid) and not _is_zombie(pid)]


def remove_stale_pidfiles(pidfile: Path, runtime: Path) -> None:
    """Remove pid files of a killed engine whose number now belongs to another program: dockerd would not start."""
    for file, name in ((pidfile, "dockerd"), (runtime / "containerd" / "containerd.pid", "containerd")):
        with contextlib.suppress(OSError, ValueError):
            if command(int(file.read_text(encoding="utf-8"))) != name:
                file.unlink()


def unmount_below(*places: Path) -> None:
    """Unmount everything that is mounted below these directories, the innermost first.

    A directory itself only where it is mounted on itself, as dockerd does: not if it is a disk of its own.
    """
    roots = [str(place.resolve()) for place in places]
    ours = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        source, mount = map(_unescaped, line.split()[3:5])
        if (mount in roots and source != "/") or mount.startswith(tuple(f"{root}/" for root in roots)):
            ours.append(mount)
    for mount in sorted(ours, key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


def bridge_exists() -> bool:
    """Whether there is a bridge docker0."""
    return _BRIDGE in (name for _, name in socket.if_nameindex())


def remove_bridge() -> None:
    """Remove the bridge docker0, which dockerd leaves behind."""
    if bridge_exists():
        subprocess.run(["ip", "link", "delete", _BRIDGE], capture_output=True, check=False)


def _send(pid: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def _unescaped(path: str) -> str:
    # The kernel writes blanks in paths as octal numbers (proc(5)).
    return path.encode().decode("unicode_escape")
