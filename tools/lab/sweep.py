"""What is on the engine under names that begin alike, and its removal, however far a run has come."""

import time
from contextlib import suppress

import docker
from docker.errors import APIError


def left(engine: docker.DockerClient, prefix: str) -> list[str]:
    """The containers, networks and volumes whose name begins so."""
    found = [
        *(str(container.name) for container in engine.containers.list(all=True, ignore_removed=True)),
        *(str(network.name) for network in engine.networks.list()),
        *(volume.name for volume in engine.volumes.list()),
    ]
    return sorted(name for name in found if name.startswith(prefix))


def sweep(engine: docker.DockerClient, prefix: str) -> None:
    """Remove the containers, networks and volumes whose name begins so; state of Pulumi's is not asked.

    Again and again until nothing is left, since what a killed deployment has begun may still appear. Raises
    AssertionError if something stays.
    """
    for _ in range(20):
        if not left(engine, prefix):
            return
        for container in engine.containers.list(all=True, filters={"name": f"^/{prefix}"}, ignore_removed=True):
            with suppress(APIError):
                container.remove(force=True, v=True)
        for network in engine.networks.list():
            if str(network.name).startswith(prefix):
                with suppress(APIError):
                    network.remove()
        for volume in engine.volumes.list():
            if volume.name.startswith(prefix):
                with suppress(APIError):
                    volume.remove()
        time.sleep(0.5)
    raise AssertionError(f"could not be removed: {', '.join(left(engine, prefix))}")


def tags(engine: docker.DockerClient, prefix: str) -> list[str]:
    """The tags of images that begin so."""
    # Not `images.list`, which looks at each image: others may remove theirs meanwhile.
    return [tag for image in engine.api.images() for tag in image["RepoTags"] or () if tag.startswith(prefix)]


def sweep_images(engine: docker.DockerClient, prefix: str) -> None:
    """Remove the images whose tags, or names with a digest, begin so; what is gone already is no error."""
    pinned = [name for image in engine.api.images() for name in image["RepoDigests"] or () if name.startswith(prefix)]
    for name in (*tags(engine, prefix), *pinned):
        with suppress(APIError):
            engine.images.remove(name, force=True)
