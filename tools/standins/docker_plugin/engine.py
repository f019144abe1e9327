"""The connection to a Docker engine, and its errors in the official plugin's words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import ssh
from tools.standins.protocol.provider import Failed

# The SDK takes 0.2 s to import, so the plugin imports it only when it connects.
if TYPE_CHECKING:
    from docker import APIClient

# Longest time for one request, in seconds. Stopping adds its own grace.
REQUEST_SECONDS = 600
# Size of the connection pool: requests at the same time.
POOL = 64
UNREACHABLE = (
    "docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon"
)


def connect(host: str | None) -> "APIClient":
    """A client for the engine at `host` (unix://, tcp://, ssh://), or at one of the usual sockets.

    The API version is negotiated. An engine that does not answer is a Failed. TLS comes from DOCKER_TLS_VERIFY and
    DOCKER_CERT_PATH; ssh runs the `ssh` program with the user's configuration.
    """
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    tls = kwargs_from_env().get("tls") or False
    far = host is not None and host.startswith(ssh.SCHEME)
    for address in [host] if host else _usual_sockets():
        try:
            there = ssh.tunnel(address) if far else address
            client = APIClient(there, tls=tls, timeout=REQUEST_SECONDS, num_pools=POOL)
            client.ping()
        except (DockerException, OSError) as error:
            if far:
                raise Failed(f"cannot reach the Docker engine at {address}: {error}") from None
            continue
        return client
    raise Failed(UNREACHABLE)


def _usual_sockets() -> list[str]:
    places = [Path("/var/run/docker.sock"), Path.home() / ".docker/run/docker.sock"]
    if "XDG_RUNTIME_DIR" in os.environ:
        places.append(Path(os.environ["XDG_RUNTIME_DIR"]) / "docker.sock")
    return [f"unix://{place}" for place in places if place.exists()]


@contextmanager
def explained(prefix: str = "") -> Iterator[None]:
    """Turn errors of the engine and of the connection into Failed. The text begins with the attempted action."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise Failed(f"{prefix}Error response from daemon: {error.explanation or error}") from None
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise Failed(f"{prefix}{error}") from None


@contextmanager
def unless_gone() -> Iterator[None]:
    """Ignore the error that the object does not exist."""
    from docker.errors import NotFound

    try:
        yield
    except NotFound:
        return
