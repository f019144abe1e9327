"""Asking a store by HTTP: with time-outs, and again when it is busy or the connection fails.

requests is imported where it is used: a stack without such a store does not wait for it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from stores.store import Deadline, StoreError

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
TIMEOUT = 10.0
"""Seconds until an answer begins, and for a pause within it."""
_TRIES = 4
_PAUSE = 0.5  # seconds before the second try; doubled for each further one
_BUSY = 429
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Busy(Exception):
    """The store wants to be asked again: after so many seconds, where it says how many."""

    def __init__(self, status: int, after: float | None) -> None:
        super().__init__(f"it answers {status}")
        self.after = after


def session() -> "requests.Session":
    """A session that raises Busy for 429 and 5xx, and StoreError for a redirect to plain HTTP."""
    import requests

    def check(response: requests.Response, *_: Any, **__: Any) -> None:
        if response.is_redirect:
            _stays_encrypted(urljoin(response.url, response.headers["Location"]))
        if response.status_code == _BUSY or response.status_code >= 500:
            raise Busy(response.status_code, _after(response.headers.get("Retry-After")))

    made = requests.Session()
    made.hooks["response"].append(check)
    return made


def patiently(ask: Callable[[float], T], deadline: Deadline) -> T:
    """What `ask` returns, which gets its time-out in seconds. Raises StoreError when tries or time have run out."""
    from requests import RequestException

    pause = _PAUSE
    for attempt in range(1, _TRIES + 1):
        wait: float | None = None
        try:
            return ask(max(0.1, min(TIMEOUT, deadline.left)))
        except Busy as error:
            reason, wait = str(error), error.after
        except RequestException as error:
            reason = _said(error)
        except OSError as error:  # a file that a variable of the environment names
            raise StoreError(f"it cannot be asked: {str(error)[:200]}", no_access=True) from None
        wait = pause if wait is None else wait
        if wait >= deadline.left:
            raise StoreError(f"{reason}, and secrets.timeout leaves no {wait:.0f} s to ask again", no_access=True)
        if attempt < _TRIES:
            time.sleep(wait)
            pause *= 2
    raise StoreError(f"{reason}, {_TRIES} times in a row", no_access=True)


def _stays_encrypted(target: str) -> None:
    """Raises StoreError for a redirect to plain HTTP, because requests sends Vault's token and the body of a login on
    to the target. Another host may get them: a standby of Vault redirects to the active server."""
    parts = urlsplit(target)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise StoreError(
            f"it redirects to {parts.scheme}://{parts.hostname}, where a token would cross the network in plain text; "
            "make it redirect to https (for Vault: api_addr)",
            no_access=True,
        )


def _after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header, which is a number or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _said(error: Exception) -> str:
    """By the kind of an error: its text may hold a whole address, or parts of an answer."""
    from requests import exceptions

    match error:
        case exceptions.SSLError():
            return "its certificate is not trusted (for a private CA see docs/secrets.md)"
        case exceptions.Timeout():
            return "it does not answer in time"
        case exceptions.ChunkedEncodingError() | exceptions.ContentDecodingError():
            return "its answer is cut off"
        case exceptions.ConnectionError():
            return "it cannot be reached"
    return f"it cannot be asked ({type(error).__name__})"
