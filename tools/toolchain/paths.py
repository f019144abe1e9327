"""Where things are: this checkout, the cache and the state of this user."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def cache() -> Path:
    """What can be made again, keyed by content and shared by all checkouts: safe to delete at any time."""
    return _home("ORCA_CACHE", "XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """What cannot be made again: the stacks' state, their passphrase; also the engine's log."""
    return _home("ORCA_STATE", "XDG_STATE_HOME", ".local/state")


def log(name: str) -> Path:
    """The file that keeps the full output of the setup step `name`."""
    return state() / "logs" / f"{name}.log"


def _home(own: str, common: str, default: str) -> Path:
    if own in os.environ:
        return Path(os.environ[own]).expanduser().absolute()
    base = os.environ.get(common)
    return (Path(base) if base else Path.home() / default) / "orca-agents"
