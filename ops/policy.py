"""The policy pack, ready to run beside Pulumi: in the Python that runs this command."""

import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, ignore_patterns

from components.stack_file import ROOT
from ops.pulumi import PulumiFailed

_PATIENCE = 60  # seconds; a pack takes one or two


@contextmanager
def pack(source: Path = ROOT / "policy", patience: float = _PATIENCE) -> Iterator[Path]:
    """A folder for `--policy-pack`. Raises PulumiFailed for a pack that does not start.

    Pulumi wants the pack's virtual environment inside its folder, which is no place for one in a checkout. And before
    3.261 it may wait for ever for a pack that fails at its start, so the pack is started once before.
    """
    with tempfile.TemporaryDirectory(prefix="orca-policy-") as made:
        folder = Path(made) / "policy"
        copytree(source, folder, ignore=ignore_patterns("__pycache__", "venv"))
        (folder / "venv").symlink_to(sys.prefix)
        _must_start(folder, patience)
        yield folder


def _must_start(folder: Path, patience: float) -> None:
    """A pack that has started prints the port that it listens on."""
    command = [str(folder / "venv" / "bin" / "python"), str(folder)]
    with (
        tempfile.TemporaryFile("w+") as complaint,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaint, text=True) as process,
    ):
        assert process.stdout is not None
        in_time, _, _ = select.select([process.stdout], [], [], patience)
        port = process.stdout.readline().strip() if in_time else ""
        process.kill()
        if not port.isdigit():
            complaint.seek(0)
            why = complaint.read().strip() or f"it said nothing within {patience:.0f} s"
            raise PulumiFailed(f"The policy pack in policy/ does not start; nothing was previewed or changed.\n{why}")
