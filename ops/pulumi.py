"""The pulumi CLI as these commands use it."""

import json
import subprocess
from typing import Any


class PulumiFailed(Exception):
    """A pulumi command ended with an error, which it has already shown."""


def show(*words: str) -> None:
    """Run pulumi with its output going to the terminal. Raises PulumiFailed."""
    if subprocess.run(["pulumi", *words], check=False).returncode:
        raise PulumiFailed(f"`pulumi {' '.join(words)}` failed; its message is above.")


def read(*words: str, stdin: str | None = None) -> str:
    """The output of a pulumi command. Raises PulumiFailed with what it said."""
    done = subprocess.run(["pulumi", *words], check=False, capture_output=True, text=True, input=stdin)
    if done.returncode:
        raise PulumiFailed(f"`pulumi {' '.join(words)}` failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def outputs(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read("stack", "output", "--json", "--show-secrets", "--stack", stack))
    return found


def exists(stack: str) -> bool:
    return any(found["name"].rsplit("/", 1)[-1] == stack for found in json.loads(read("stack", "ls", "--json")))
