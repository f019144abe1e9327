"""Which image a workload runs: a published one, or the one that `images/` builds on this machine."""

import images
from settings import Settings
from settings.values import LOCAL


def ollama(settings: Settings) -> str:
    return _versioned("ollama", settings.images.ollama, settings.ollama_version)


def api(settings: Settings) -> str:
    return _versioned("api", settings.api.image, settings.image_tag)


def nginx(settings: Settings) -> str:
    return images.reference("nginx") if settings.images.nginx == LOCAL else settings.images.nginx


def lego(settings: Settings) -> str:
    return images.reference("lego") if settings.images.lego == LOCAL else settings.images.lego


def model_mirror() -> str:
    return images.reference("model-mirror")


def _versioned(local: str, repository: str, version: str) -> str:
    return images.reference(local) if version == LOCAL else f"{repository}:{version}"
