"""Which image a workload runs: a published one, or the one that `images/` builds on this machine."""

import images
from settings import Settings
from settings.values import LOCAL

PUBLISHED = {
    "cadvisor": "ghcr.io/google/cadvisor:v0.60.6"
    "@sha256:b8e7d1093144fd088f425ff003d75a4aa405de075db78dae3bc563730b1bd07a",
}
"""Images of the monitoring, each by its index: they are right for every architecture."""


def ollama(settings: Settings) -> str:
    return _versioned("ollama", settings.images.ollama, settings.ollama_version)


def api(settings: Settings) -> str:
    return _versioned("api", settings.api.image, settings.image_tag)


def nginx(settings: Settings) -> str:
    return images.reference("nginx") if settings.images.nginx == LOCAL else settings.images.nginx


def lego(settings: Settings) -> str:
    return images.reference("lego") if settings.images.lego == LOCAL else settings.images.lego


def cadvisor(settings: Settings) -> str:
    return _known(settings, "cadvisor", settings.images.cadvisor)


def model_mirror() -> str:
    return images.reference("model-mirror")


def _known(settings: Settings, name: str, wanted: str | None) -> str:
    """The image that the settings name; or the one of this version: built here in development, else published."""
    if wanted is None and settings.profile == "production":
        return PUBLISHED[name]
    return images.reference(name) if wanted in (None, LOCAL) else wanted


def _versioned(local: str, repository: str, version: str) -> str:
    return images.reference(local) if version == LOCAL else f"{repository}:{version}"
