"""Makes the folder that the backend's image is built from."""

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent


def into(context: Path) -> None:
    """Compile the program into the folder `context`, and put the Dockerfile beside it."""
    command = ["go", "build", "-ldflags", "-s -w", "-o", str(context / "backend"), "."]
    subprocess.run(command, cwd=SOURCE, check=True, timeout=300, env=os.environ | {"CGO_ENABLED": "0"})
    shutil.copy(SOURCE / "Dockerfile", context)
