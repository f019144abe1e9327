"""Images that this machine's engine has, brought to the engine of a stack on another host, without a registry.

The two engines hand the image over by their own API, over the connection that every other command uses.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import docker
from docker.errors import ImageNotFound

from engine.address import Address, of_user
from engine.client import connect, say
from engine.errors import NeedsPerson
from settings import Settings
from workloads.stack import stack as everything

_SPEAK_EVERY = 5  # seconds
_MB = 1000**2


def bring(settings: Settings, where: Address) -> list[str]:
    """Bring each image of the stack that its engine lacks and this machine's engine has; gives their names.

    An image that is pinned by a digest is left to its registry: an engine forgets the digest of one that is loaded.
    Raises NeedsPerson when the stack's engine does not answer.
    """
    if where == of_user():
        return []
    far = connect(where)
    missing = [image for image in everything(settings).images if "@" not in image and not _size(far, image)]
    near = _here() if missing else None
    wanted = [image for image in missing if _size(near, image)] if near else []
    for number, image in enumerate(wanted, 1):
        assert near is not None
        begin = time.monotonic()
        title = f"image {number}/{len(wanted)}: {image}"
        api: Any = far.api
        for event in api.load_image(_counted(near.api.get_image(image), _size(near, image), title)):
            if "error" in event:
                raise NeedsPerson(f"{title}: the engine at {where} did not take it: {event['error']}")
        say(f"{title}: brought to {where} in {time.monotonic() - begin:.0f} s")
    return wanted


def _here() -> docker.DockerClient | None:
    """This machine's engine, if there is one."""
    try:
        return connect(of_user())
    except NeedsPerson:
        return None


def _size(client: docker.DockerClient, image: str) -> int:
    """Bytes of an image; 0 if the engine does not have it."""
    try:
        return int(client.images.get(image).attrs["Size"])
    except ImageNotFound:
        return 0


def _counted(parts: Iterable[bytes], size: int, title: str) -> Iterator[bytes]:
    """The same parts; says from time to time how many of them have gone."""
    done, spoken = 0, time.monotonic()
    for part in parts:
        yield part
        done += len(part)
        if time.monotonic() - spoken > _SPEAK_EVERY:
            say(f"{title}: {done / _MB:,.0f} of about {size / _MB:,.0f} MB")
            spoken = time.monotonic()
