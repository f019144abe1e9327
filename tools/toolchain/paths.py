"""Paths: this checkout, and this user's cache and state."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def cache() -> Path:
    """The cache, keyed by content and shared by all checkouts. You may delete it: the toolchain makes it again."""
    return _home("ORCA_CACHE", "XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """The state, which cannot be made again: the stacks' state and their passphrase. Also the engine's log."""
    return _home("ORCA_STATE", "XDG_STATE_HOME", ".local/state")


def log(name: str) -> Path:
    """The file that keeps the full output of the setup step `name`."""
    return state() / "logs" / f"{name}.log"


def _home(own: str, common: str, default: str) -> Path:
    if own in os.environ:
        return Path(os.environ[own]).expanduser().absolute()
    base = os.environ.get(common)
    return (Path(base) if base else Path.home() / default) / "orca-agents"
