"""An sshd that leads to an engine, and the `ssh` that reaches it with a key and a configuration of the test's own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.toolchain import base_image
from tools.toolchain.progress import Progress


def build(folder: Path, tag: str) -> None:
    """Make the keys of a host and of its user in `folder`, and the image that takes them."""
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    shutil.copy(Path(__file__).parent / "Dockerfile", folder)
    base = base_image.ensure(Progress().step("base image"))
    command = ["docker", "build", "--quiet", "--build-arg", f"DEBIAN={base}", "--tag", tag, str(folder)]
    subprocess.run(command, check=True, timeout=300)


@contextmanager
def client(folder: Path, address: str) -> Iterator[str]:
    """Until the block ends, this process and its children find on their PATH an `ssh` that knows the host at `address`
    and its key. Gives the host as `dockerHost` has it."""
    (folder / "known_hosts").write_text(f"{address} {(folder / 'host_key.pub').read_text()}")
    options = f"-o UserKnownHostsFile={folder}/known_hosts -o IdentitiesOnly=yes -i {folder}/key"
    program = folder / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        yield f"ssh://root@{address}"


def answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
