"""Shared by the modules of this package: the protocol of their four functions, and the wait for a removal."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tools.standins.docker_plugin.schema import Body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import Failed
from tools.standins.protocol.values import Properties

if TYPE_CHECKING:
    from docker import APIClient

# Longest wait for the removal of an object that is in use, and the time between two attempts, in seconds.
REMOVAL_SECONDS = 30
RETRY_SECONDS = 1.0


class HalfMade(Exception):
    """The object exists but did not start correctly. The text says why."""

    def __init__(self, identity: str, reason: str) -> None:
        super().__init__(reason)
        self.identity = identity


class Lifecycle(Protocol):
    """The functions of each module in this package."""

    def create(self, client: "APIClient", planned: Properties, patience: Patience) -> tuple[str, Body]:
        """Create the object and return its id and inspect data. Raises Failed if none exists, HalfMade if one does."""

    def look(self, client: "APIClient", identity: str, state: Properties) -> tuple[str, Body] | None:
        """The object's id and its inspect data; None if it is gone."""

    def update(
        self, client: "APIClient", identity: str, state: Properties, planned: Properties, patience: Patience
    ) -> None:
        """Change the object from `state` to `planned`, as far as this is possible without a replacement."""

    def delete(self, client: "APIClient", identity: str, state: Properties, patience: Patience) -> None:
        """Remove the object. It is no error if it is gone already."""


def remove_when_free(remove: Callable[[], None], used: tuple[str, ...], waiting: str, patience: Patience) -> None:
    """Call `remove` until the engine no longer answers with one of the texts in `used`.

    `waiting` is the official plugin's name for that state.
    """
    end = time.monotonic() + REMOVAL_SECONDS
    while True:
        try:
            return remove()
        except Failed as error:
            if not any(text in str(error) for text in used):
                raise
            if time.monotonic() > end:
                state = f"last state: '{waiting}', timeout: {REMOVAL_SECONDS}s"
                raise Failed(f"timeout while waiting for state to become 'removed' ({state})") from None
        patience.sleep(RETRY_SECONDS)
