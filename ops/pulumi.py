"""The pulumi CLI as these commands use it.

Pulumi notes the salt of a stack's secrets in Pulumi.<stack>.yaml, a file under version control, whenever it makes the
stack or runs its program. The stack's state holds the salt too, and Pulumi can take it from there. So these commands
give Pulumi a copy of the file to write to, and the file stays as people have written it. `config set` alone changes the
file itself; with a first secret it notes the salt beside it.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.stack_file import ROOT

_SALT_FROM_STATE = "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"


class PulumiFailed(Exception):
    """A pulumi command ended with an error; the message says which, and what it said unless that is on the screen."""


def show(verb: str, stack: str, *options: str) -> None:
    """Run `pulumi up`, `preview` or `destroy` with its output going to the terminal. Raises PulumiFailed.

    An interrupt reaches pulumi too, which then ends what it has begun: it is waited for, and KeyboardInterrupt raised.
    """
    with _copy(stack) as folder:
        file = ["--config-file", str(folder / _file(stack))] if (folder / _file(stack)).exists() else []
        words = ["pulumi", verb, "--stack", stack, *options]
        interrupted = False
        with _started([*words, *file]) as running:
            while running.returncode is None:
                try:
                    running.wait()
                except KeyboardInterrupt:
                    interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    if running.returncode:
        raise PulumiFailed(f"`{' '.join(words)}` failed; its message is above.")


def read(*words: str, stdin: str | None = None) -> str:
    """The output of a pulumi command. Raises PulumiFailed with what it said."""
    with _started(["pulumi", *words], subprocess.PIPE) as running:
        said, complaint = running.communicate(stdin)
    if running.returncode:
        raise PulumiFailed(f"`pulumi {' '.join(words)}` failed:\n{(complaint or said).strip()}")
    return said


def make(stack: str) -> bool:
    """Make the stack in the backend if it is not there yet, and select it; whether it was made now."""
    if exists(stack):
        return False
    with _copy(stack) as folder:
        read("stack", "init", stack, "--cwd", str(folder))
    read("stack", "select", stack)
    return True


def outputs(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read("stack", "output", "--json", "--show-secrets", "--stack", stack))
    return found


def exists(stack: str) -> bool:
    return any(found["name"].rsplit("/", 1)[-1] == stack for found in json.loads(read("stack", "ls", "--json")))


@contextmanager
def _copy(stack: str) -> Iterator[Path]:
    """A folder with a copy of the project's and the stack's file, as far as there is one."""
    with tempfile.TemporaryDirectory(prefix="orca-stack-") as made:
        for name in ("Pulumi.yaml", _file(stack)):
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, made)
        yield Path(made)


def _file(stack: str) -> str:
    return f"Pulumi.{stack}.yaml"


def _started(words: list[str], pipe: int | None = None) -> "subprocess.Popen[str]":
    environment = {_SALT_FROM_STATE: "true", **os.environ}
    # The Docker provider would follow a docker context instead of the stack's `dockerHost`.
    environment.pop("DOCKER_CONTEXT", None)
    try:
        return subprocess.Popen(words, env=environment, text=True, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError:
        raise PulumiFailed(
            'There is no `pulumi` on the PATH; nothing was changed. Use `make`, or run `eval "$(make -s env)"` first.'
        ) from None
