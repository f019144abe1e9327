"""Finding images locally and pulling them."""

from typing import TYPE_CHECKING

from tools.standins.docker_plugin.engine import explained, unless_gone
from tools.standins.docker_plugin.schema import Body
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import Failed

if TYPE_CHECKING:
    from docker import APIClient


def find(client: "APIClient", name: str) -> Body | None:
    """The engine's data of a local image, found by name, digest or id; None if there is none."""
    if not name:
        raise Failed("empty image name is not allowed")
    with explained(), unless_gone():
        local: Body = client.inspect_image(name)  # type: ignore[no-untyped-call]  # a gap in the SDK's types
        return local
    return None


def find_or_pull(client: "APIClient", name: str, platform: str | None, patience: Patience) -> Body:
    """The image, pulled if it is not present locally. Raises Failed with the registry's or the engine's words."""
    found = find(client, name)
    if found:
        return found
    with explained(f"unable to pull image {name}: error pulling image {name}: "):
        for progress in client.pull(name, stream=True, decode=True, platform=platform):
            patience.check()
            if "error" in progress:
                raise Failed(f"unable to pull image {name}: error pulling image {name}: {progress['error']}")
    found = find(client, name)
    if not found:
        raise Failed(f"unable to find image {name} after pulling it")
    return found
