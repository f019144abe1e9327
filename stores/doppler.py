"""Doppler: all secrets of a config in one request (docs.doppler.com/reference/secrets-download)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from settings.scalars import known
from settings.secrets import Secrets
from stores.http import patiently, session
from stores.store import Deadline, Found, StoreError, encoded, token

if TYPE_CHECKING:
    import requests

_PATH = "/v3/configs/config/secrets/download"
_DENIED = {401: "does not accept the token", 403: "does not let the token read this config"}


def fetch(secrets: Secrets, keys: Sequence[str], deadline: Deadline) -> Found:
    """The values by the names of the secrets."""
    import requests

    doppler = secrets.doppler
    bearer = token(known(doppler.token), "DOPPLER_TOKEN", "secrets.doppler.token")
    wanted = {"project": doppler.project, "config": doppler.config}
    params = {"format": "json", "include_dynamic_secrets": "false"} | {k: v for k, v in wanted.items() if v}

    def authorized(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, for a header alone would give way to an entry of ~/.netrc.
        request.headers["Authorization"] = f"Bearer {bearer}"
        return request

    with session() as http:
        url = doppler.url.rstrip("/") + _PATH
        answer = patiently(lambda timeout: http.get(url, params=params, auth=authorized, timeout=timeout), deadline)
    values = _values(answer)
    return {key: _value(values, key) for key in keys}


def _value(values: Mapping[str, Any], key: str) -> bytes | StoreError:
    """Null is a secret of restricted visibility, for a user's token (docs.doppler.com/docs/visibility-types)."""
    if isinstance(value := values.get(key), str):
        return encoded(value)
    if key in values:
        return StoreError("its value is null; a token of a person cannot read a restricted secret, a service token can")
    return StoreError(f"there is no such secret in the config{_named(values)}")


def _named(values: Mapping[str, Any]) -> str:
    """The config that answers, which may be the wrong one, by the names that Doppler adds to its secrets."""
    config, project = values.get("DOPPLER_CONFIG"), values.get("DOPPLER_PROJECT")
    return f" {config} of the project {project}" if config and project else ""


def _values(answer: "requests.Response") -> Mapping[str, Any]:
    if answer.status_code in _DENIED:
        raise StoreError(f"it {_DENIED[answer.status_code]} ({answer.status_code}){_said(answer)}", no_access=True)
    if answer.status_code == 404:
        raise StoreError(f"it has no such project or config (404){_said(answer)}")
    if answer.status_code == 400:
        hint = "; only a service token needs no secrets.doppler.project and secrets.doppler.config"
        raise StoreError(f"it answers 400{_said(answer)}{hint}", no_access=True)
    if answer.status_code != 200:
        raise StoreError(f"it answers {answer.status_code}{_said(answer)}", no_access=True)
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StoreError("its answer is no JSON object; is secrets.doppler.url right?", no_access=True)
    return found


def _said(answer: "requests.Response") -> str:
    """What it says of an error, `{"messages": […]}`; no secret is in such an answer."""
    try:
        messages = answer.json()["messages"]
        return ": " + "; ".join(str(message)[:200] for message in messages[:3])
    except (ValueError, KeyError, TypeError):
        return ""
