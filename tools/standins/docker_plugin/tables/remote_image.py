"""RemoteImage: an image that is present locally, pulled if need be. There is no create body to write."""

from tools.standins.docker_plugin.routes import reader
from tools.standins.docker_plugin.schema import Body, Effect, Field, Kind, Output, ResourceType


def _digest(found: Body) -> str:
    """The digest under which a registry knows the image; empty for an image that was only ever local."""
    return next(iter(found.get("RepoDigests") or []), "")


REMOTE_IMAGE = ResourceType(
    token="docker:index/remoteImage:RemoteImage",
    fields=(
        Field("name", required=True),
        Field("build", Kind.BLOCK, supported=False),
        Field("forceRemove", Kind.BOOL, Effect.STATE),
        Field("keepLocally", Kind.BOOL, Effect.STATE),
        Field("platform"),
        Field("pullTriggers", Kind.SET),
        Field("triggers", Kind.MAP),
    ),
    outputs=(Output("imageId", reader("Id")), Output("repoDigest", _digest)),
    named=None,
)
