"""Whether a host has the GPUs that a container is to get: asked of the engine by a container that ends at once.

What the engine says of itself does not tell: it can hand out GPUs without a word of them in `docker info`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound

# What engines from 20.10 on say. From 28 on they hand GPUs out by CDI (https://github.com/moby/moby/pull/50228).
_DRIVER = (
    "could not select device driver",
    "no CDI device driver registered",
    "failed to discover GPU vendor from CDI",
)
_ABSENT = ("gathering device information", "nvidia-container-cli", "CDI device injection failed")


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
        except APIError as error:
            return reason(str(error.explanation or error))
        try:
            container.start()
        except APIError as error:
            return reason(str(error.explanation or error))
        finally:
            with suppress(APIError):
                container.remove(force=True)
        return ""
    return ""


def reason(said: str) -> str:
    """What an engine's refusal says of GPUs, for a person; empty if it is about something else.

    An image without the program `true` is no reason: the engine has handed the GPUs out before it looks for it.
    """
    if any(words in said for words in _DRIVER):
        return (
            f"the engine has no driver for NVIDIA's GPUs; install nvidia-container-toolkit on its host ({said.strip()})"
        )
    if any(words in said for words in _ABSENT):
        return f"the host does not have them ({said.strip()})"
    return ""
