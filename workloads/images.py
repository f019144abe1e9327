"""Which image a workload runs: a published one, or the one that `images/` builds on this machine."""

import images
from settings import Settings
from settings.values import LOCAL

PUBLISHED = {
    "prometheus": "prom/prometheus:v3.15.0@sha256:efd719c99d83b060d9daefdcf00360461adf279f45ef5391f8d111892118753e",
    "alertmanager": "prom/alertmanager:v0.34.1@sha256:e9733bafb1bdef9b00e25a21f8f99dc26a22224bf16641ad754d1649f4c3357a",
    "blackbox": "prom/blackbox-exporter:v0.28.0"
    "@sha256:e753ff9f3fc458d02cca5eddab5a77e1c175eee484a8925ac7d524f04366c2fc",
    "cadvisor": "ghcr.io/google/cadvisor:v0.60.6"
    "@sha256:b8e7d1093144fd088f425ff003d75a4aa405de075db78dae3bc563730b1bd07a",
    "collector": "otel/opentelemetry-collector-contrib:0.161.0"
    "@sha256:fd328de2552466ad78385e1b1289c3f2402b1c45f265b252aab1955b42845ac1",
    "grafana": "grafana/grafana:13.2.3@sha256:b28bae15e219c998fb0e0424ed724930cc61b1f61fb404d47c862f9a23f9e572",
    "victorialogs": "victoriametrics/victoria-logs:v1.52.0"
    "@sha256:47b820890d64c4575a2a0a46415dcd8a4fd59a0f1fcd6a377693d7aea639442e",
}
"""Images of the monitoring, each by its index: they are right for every architecture."""
_TOGETHER = {"alertmanager": "prometheus", "blackbox": "prometheus"}
"""Programs that the image of another one brings along, where it is built here."""


def ollama(settings: Settings) -> str:
    return _versioned("ollama", settings.images.ollama, settings.ollama_version)


def api(settings: Settings) -> str:
    return _versioned("api", settings.api.image, settings.image_tag)


def nginx(settings: Settings) -> str:
    return images.reference("nginx") if settings.images.nginx == LOCAL else settings.images.nginx


def lego(settings: Settings) -> str:
    return images.reference("lego") if settings.images.lego == LOCAL else settings.images.lego


def prometheus(settings: Settings) -> str:
    return _known(settings, "prometheus", settings.images.prometheus)


def alertmanager(settings: Settings) -> str:
    return _known(settings, "alertmanager", settings.images.alertmanager)


def blackbox(settings: Settings) -> str:
    return _known(settings, "blackbox", settings.images.blackbox)


def cadvisor(settings: Settings) -> str:
    return _known(settings, "cadvisor", settings.images.cadvisor)


def collector(settings: Settings) -> str:
    return _known(settings, "collector", settings.images.collector)


def victorialogs(settings: Settings) -> str:
    return _known(settings, "victorialogs", settings.images.victorialogs)


def grafana(settings: Settings) -> str:
    """The published one in development too: none is built here."""
    return settings.images.grafana or PUBLISHED["grafana"]


def model_mirror() -> str:
    return images.reference("model-mirror")


def _known(settings: Settings, name: str, wanted: str | None) -> str:
    """The image that the settings name; or the one of this version: built here in development, else published."""
    if wanted is None and settings.profile == "production":
        return PUBLISHED[name]
    if wanted is None or wanted == LOCAL:
        return images.reference(_TOGETHER.get(name, name))
    return wanted


def _versioned(local: str, repository: str, version: str) -> str:
    return images.reference(local) if version == LOCAL else f"{repository}:{version}"
