"""Any command: its standard output is the value, less one line end. The key is the command, without a shell's syntax.

So 1Password (`op read op://vault/item/field`), Bitwarden, pass, sops, gopass and the rest are stores.
"""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from settings.secrets import Secrets
from stores.store import Deadline, Found, StoreError, each, without_line_end

_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*["]""", re.DOTALL)
_SHELL = re.compile(r"\||(?<!\S)\d?[&;<>]\S*|;(?!\S)|\$[\w({]\w*|`|(?<!\S)~(?=/)")
"""What only a shell reads, outside of quotes: a pipe, a list, a redirection, a variable, a substitution, `~`."""


def fetch(_secrets: Secrets, keys: Sequence[str], deadline: Deadline) -> Found:
    return each(keys, lambda key: _output(key, deadline))


def _output(key: str, deadline: Deadline) -> bytes:
    """What the command says of an error is not shown: nobody knows what else is in it."""
    try:
        words = shlex.split(key)
    except ValueError as error:
        raise StoreError(f"it is no command: {error}") from None
    if found := _SHELL.search(_QUOTED.sub("x", key)):
        # Run as it is, the command could succeed with a wrong value: `echo $KEY` prints the name.
        raise StoreError(f"it has {found[0]}, which only a shell reads: write sh -c '…', or put it in single quotes")
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise StoreError(f"{words[0]} cannot be run: {error.strerror}", no_access=True) from None
    try:
        output, _ = process.communicate(timeout=deadline.left)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise StoreError("it did not end within secrets.timeout", no_access=True) from None
    if process.returncode:
        raise StoreError(
            f"it ended with exit code {process.returncode}; run it yourself to see what it says, and know that here no "
            "shell reads $NAME, ~ or *",
            no_access=True,
        )
    return without_line_end(output)
