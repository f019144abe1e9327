"""Whether a host has the GPUs that a container is to get: asked of the engine by a container that ends at once.

What the engine says of itself does not tell: it can hand out GPUs without a word of them in `docker info`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound

_DRIVER, _FILE, _HOOK = "could not select device driver", "gathering device information", "nvidia-container-cli"


def missing(client: docker.DockerClient, images: Sequence[str], gpus: str, devices: Sequence[str]) -> str:
    """What is wrong with these GPUs, for a person; empty where nothing is.

    `gpus` as `docker run --gpus` has it, `devices` files of the host. Of `images` the first one that is there is used;
    without any, nothing can be said.
    """
    ids = gpus.removeprefix("device=").split(",") if gpus.startswith("device=") else []
    which: dict[str, Any] = {"device_ids": ids} if ids else {"count": -1}
    request = docker.types.DeviceRequest(capabilities=[["gpu"]], **which)
    wanted: dict[str, Any] = {"device_requests": [request]} if gpus else {"devices": [f"{it}:{it}" for it in devices]}
    for image in images:
        try:
            container = client.containers.create(image, entrypoint=["true"], network_mode="none", **wanted)
        except ImageNotFound:
            continue
        try:
            container.start()
        except APIError as error:
            return _reason(str(error.explanation or error))
        finally:
            with suppress(APIError):
                container.remove(force=True)
        return ""
    return ""


def _reason(said: str) -> str:
    """An image without the program `true` is no reason: the engine has handed the GPUs out before it looks for it."""
    if _DRIVER in said:
        return (
            f"the engine has no driver for NVIDIA's GPUs; install nvidia-container-toolkit on its host ({said.strip()})"
        )
    if _FILE in said or _HOOK in said:
        return f"the host does not have them ({said.strip()})"
    return ""
