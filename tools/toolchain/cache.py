"""Entries of the cache. An entry is a directory, named by a hash of its inputs, and used only if it is complete."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.toolchain import processes

_MARKER = ".complete"


def key(*parts: str | bytes) -> str:
    """A short name for some content: 16 hex digits of SHA-256. The parts' borders count."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:16]


def key_of_files(root: Path, files: Iterable[Path]) -> str:
    """A key for the names (relative to `root`) and contents of files."""
    parts = (part for file in sorted(files) for part in (str(file.relative_to(root)), file.read_bytes()))
    return key(*parts)


def is_complete(entry: Path, mark: str = _MARKER) -> bool:
    """Whether an entry was filled to its end."""
    return (entry / mark).exists()


def complete(entry: Path, mark: str = _MARKER) -> None:
    """Declare an entry filled, after everything in it has reached the disk."""
    os.sync()
    (entry / mark).touch()


def fill(entry: Path, make: Callable[[Path], None]) -> Path:
    """Make an entry if it is not complete. What an interrupted call left is thrown away first.

    Callers hold `lock`, so nobody else fills it at the same time.
    """
    if not is_complete(entry):
        shutil.rmtree(entry, ignore_errors=True)
        entry.mkdir(parents=True)
        make(entry)
        complete(entry)
    return entry


@contextmanager
def lock(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the setup of this machine; `waiting` is told once who has it. Freed by the kernel at any kind of end.

    Child processes share the lock: if this process is killed, the next one waits until its orphans are gone too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            waiting(file.read().strip() or "unknown")
            fcntl.flock(file, fcntl.LOCK_EX)
        _sign(file)
        with processes.inheriting(file.fileno()):
            yield


def _sign(file: IO[str]) -> None:
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
