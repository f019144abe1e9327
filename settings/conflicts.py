"""What is wrong between settings of different groups, each as one line that names the key."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nginx import versions
from settings.models import DEFAULT_NAMESPACE
from settings.values import LOCAL, MIB

if TYPE_CHECKING:
    from settings.stack import Settings

_COLLECTOR_FOR_ELASTICSEARCH = (0, 156)
"""The oldest one that takes the configuration: https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/48009"""
_GPU_DEVICES = {"nvidia": "an index as 0, or an id as GPU-…", "amd": "a device file as /dev/dri/renderD128"}


def conflicts(settings: "Settings") -> Iterator[str]:
    """What is wrong between settings of different groups; a setting that changes nothing beside another too."""
    yield from _known_faults(settings)
    if settings.edge.tls.acme and settings.profile == "production" and settings.images.lego == LOCAL:
        yield "images.lego: edge.tls.acme needs it; name goacme/lego:<4.x>@sha256:<digest>"
    if "lego" in settings.images.model_fields_set and not settings.edge.tls.acme:
        yield "images.lego: has no effect without edge.tls.acme; remove it"
    if "grafana" in settings.images.model_fields_set and not (settings.monitoring and settings.monitoring.grafana):
        yield "images.grafana: has no effect without monitoring.grafana; remove it, or turn that on"
    if "ollama" in settings.images.model_fields_set and settings.ollama_version == LOCAL:
        yield f'images.ollama: has no effect while OLLAMA_VERSION is "{LOCAL}"; remove it'
    if "image" in settings.api.model_fields_set and settings.image_tag == LOCAL:
        yield f'api.image: has no effect while IMAGE_TAG is "{LOCAL}"; remove it'
    for where, paths in settings.narrowed.items():
        if closed := [path for path in paths if not path.startswith(settings.api.paths)]:
            yield f"{where}: {', '.join(closed)} is not below api.paths, so nobody can ask for it"
    if not any(path.startswith(settings.api.paths) for path in settings.edge.completion_paths):
        for where in settings.edge.completion_limits:
            yield f"{where} has no effect: none of edge.completionPaths is below api.paths"
    if settings.ollama_memory_reservation > settings.ollama_memory_limit:
        yield "OLLAMA_MEMORY_RESERVATION is larger than OLLAMA_MEMORY_LIMIT"
    yield from _model_conflicts(settings)
    yield from _gpu_conflicts(settings)
    yield from _sink_conflicts(settings)


def _model_conflicts(settings: "Settings") -> Iterator[str]:
    names = [model.full_name.casefold() for model in settings.ollama_models]
    if twice := sorted(
        {model.reference for model in settings.ollama_models if names.count(model.full_name.casefold()) > 1}
    ):
        yield f"OLLAMA_MODELS names {', '.join(twice)} twice"
    for model in settings.preloaded:
        if model not in settings.ollama_models:
            yield f"ollama.preload: {model.reference} is not in OLLAMA_MODELS"
    if len(settings.preloaded) > settings.loaded_at_once:
        yield (
            f"ollama.preload names {len(settings.preloaded)} models, but OLLAMA_MAX_LOADED_MODELS lets "
            f"{settings.loaded_at_once} be in memory at once"
        )
    if (caches := settings.prompt_cache * settings.loaded_at_once) >= settings.ollama_memory_limit:
        yield (
            f"ollama.promptCache: {settings.loaded_at_once} loaded models would keep {caches // MIB} MiB of prompts; "
            "OLLAMA_MEMORY_LIMIT has no room left for the models"
        )
    yield from _source_conflicts(settings)


def _source_conflicts(settings: "Settings") -> Iterator[str]:
    """Between where models are pulled from and what they are called."""
    mirror = settings.models.mirror
    library = [model for model in settings.ollama_models if model.from_library]
    hosts = {model.host for model in settings.ollama_models if not model.from_library}
    if mirror and not library:
        yield "models.mirror: has no effect, because every model names a registry of its own; remove it"
    if mirror and mirror.namespace:
        for model in library:
            if model.namespace != DEFAULT_NAMESPACE:
                yield (
                    f"models.mirror: has the namespace {mirror.namespace}, where {model.reference} with its own "
                    f"namespace cannot be; write it as {mirror.host}/<namespace>/{model.name}:{model.tag}"
                )
    if idle := [host for host in settings.models.plain_http if host not in hosts]:
        yield f"models.plainHttp: no model is pulled from {', '.join(idle)}; remove it"
    secure = (hosts - set(settings.models.plain_http)) or (library and not (mirror and mirror.plain))
    for key in ("proxy", "ca"):
        if getattr(settings.models, key) and not secure:
            yield f"models.{key}: has no effect, because every model is pulled by plain http; remove it"


def _gpu_conflicts(settings: "Settings") -> Iterator[str]:
    if settings.gpu_devices and settings.gpu == "none":
        yield "gpuDevices: has no effect while gpu is none; remove it"
    if settings.gpu != "none" and settings.ollama_version == LOCAL:
        yield f'gpu: the image of OLLAMA_VERSION "{LOCAL}" is for CPUs only; name a published version'
    for device in settings.gpu_devices:
        if device.startswith("/") != (settings.gpu == "amd") and settings.gpu != "none":
            yield f"gpuDevices: {device} is no device of {settings.gpu}; write {_GPU_DEVICES[settings.gpu]}"


def _sink_conflicts(settings: "Settings") -> Iterator[str]:
    """The collector of images/collector has the exporters that a development stack needs, and no more."""
    built_here = settings.images.collector == LOCAL or (
        settings.images.collector is None and settings.profile == "development"
    )
    for name in ("elasticsearch", "datadog"):
        if settings.logging and getattr(settings.logging.sinks, name) and built_here:
            yield f"logging.sinks.{name}: the collector that is built here cannot write to it; set images.collector"
    if settings.logging and settings.logging.sinks.elasticsearch:
        older = re.search(r":v?(\d+)\.(\d+)\.\d+", settings.images.collector or "")
        if older and (int(older[1]), int(older[2])) < _COLLECTOR_FOR_ELASTICSEARCH:
            yield (
                f"images.collector: {settings.images.collector} cannot write to logging.sinks.elasticsearch; name "
                "0.156.0 or a newer one"
            )


def _known_faults(settings: "Settings") -> Iterator[str]:
    """By the tag of nginx's image; a tag that says no version is judged by what runs (engine/configure.py)."""
    version = versions.of_image(settings.images.nginx)
    if version is None or versions.is_safe(version):
        return
    older, wanted = versions.text(version), versions.wanted()
    what = f"nginx {older} has known faults (docs/security.md); name an image of nginx {wanted}"
    if settings.profile == "production":
        yield f"images.nginx: {what}"
    elif settings.edge.http2:
        yield f"edge.http2: {what}, or leave HTTP/2 off"
