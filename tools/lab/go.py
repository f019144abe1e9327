"""Programs in Go, compiled for the run."""

import fcntl
import os
import subprocess
from pathlib import Path


def build(source: Path, binary: Path) -> None:
    """Compile the program of a folder into a static file, and nothing that Go's own cache has already.

    One process at a time: the others find the standard library compiled then. Raises CalledProcessError.
    """
    command = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(binary), "."]
    with Path(__file__).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        subprocess.run(command, cwd=source, check=True, timeout=300, env=os.environ | {"CGO_ENABLED": "0"})
