"""The configuration of the edge, rendered from the templates in nginx/."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import SecretStr

from settings import Settings
from workloads import edge
from workloads.colour import COLOURS
from workloads.network import address
from workloads.release import digest

TEMPLATES = Path(__file__).parent.parent / "nginx"
_PLACEHOLDER = "<config-id>"

# What the edge says of its own refusals: status, error type as in OpenAI's API, message.
ERRORS = (
    (400, "invalid_request_error", "The request is malformed."),
    (404, "invalid_request_error", "There is nothing at this path."),
    (405, "invalid_request_error", "This method is not allowed here."),
    (408, "invalid_request_error", "The request did not arrive in time."),
    (413, "invalid_request_error", "The request body is too large."),
    (414, "invalid_request_error", "The request line is too long."),
    (421, "invalid_request_error", "This host name is not served here."),
    (500, "server_error", "The edge failed."),
    (502, "server_error", "The API cannot be reached."),
    (503, "server_error", "The API is not available."),
    (504, "server_error", "The API did not answer in time."),
)


@dataclass(frozen=True, kw_only=True)
class EdgeConfig:
    """All files of one configuration by relative path, and their common id (12 hex digits)."""

    id: str
    files: Mapping[str, str]


def render(settings: Settings) -> EdgeConfig:
    """Render every template. The id is a digest of all texts and is served back by the running proxy."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is no HTML: the output is nginx configuration, and every value is a validated setting
    )
    texts = {
        name.removesuffix(".j2"): environment.get_template(name).render(**_values(settings))
        for name in environment.list_templates(extensions=["j2"])
    }
    config_id = digest(texts)
    return EdgeConfig(id=config_id, files={name: text.replace(_PLACEHOLDER, config_id) for name, text in texts.items()})


def base_url(settings: Settings) -> str:
    port = settings.edge.https_port
    return f"https://{settings.edge.hostname}" + ("" if port == 443 else f":{port}")


def _values(settings: Settings) -> dict[str, object]:
    return {
        "settings": settings,
        "stack": settings.stack,
        "config_id": _PLACEHOLDER,
        "url": base_url(settings),
        # A browser remembers HSTS for the whole host name, which a development stack only borrows.
        "hsts": settings.profile == "production",
        "http": edge.HTTP,
        "https": edge.HTTPS,
        "run": edge.RUN,
        "state": edge.STATE,
        "certificates": edge.CERTIFICATES,
        "admin_socket": edge.ADMIN_SOCKET,
        "errors": ERRORS,
        "preview": _lock(settings.rollout.preview_key),
        "servers": {
            colour: [
                f"{address(settings, 'app-network', f'api-{colour}', replica)}:{settings.api.port}"
                for replica in range(settings.api.replicas)
            ]
            for colour in COLOURS
        },
    }


def _lock(key: SecretStr | None) -> str:
    """The digest of a preview key, as nginx's secure_link module takes it; empty for none. The key is random, so its
    digest tells nothing of it."""
    if key is None:
        return ""
    digest = hashlib.md5(key.get_secret_value().encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
