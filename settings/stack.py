"""The settings of one stack: what may be configured, with its type, default, meaning and effect.

The specification's variables keep their own upper-case names; everything else is grouped in lower-case objects.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

from nginx import versions
from settings.api import Api, Smoke
from settings.edge import Edge
from settings.effect import NONE, REBUILD, RELEASE, RELOAD, RESTART_OLLAMA
from settings.group import Off, refuse
from settings.images import Images, ImageTag, Version
from settings.logs import Logs
from settings.models import DEFAULT_NAMESPACE, Model, ModelNames, Models
from settings.monitoring import Monitoring
from settings.network import Network
from settings.ollama import Ollama
from settings.pages import Pages
from settings.references import references
from settings.rollout import Rollout
from settings.scalars import FETCHED, Items, Whole, text
from settings.secrets import Secrets
from settings.values import LOCAL, MIB, Memory, Size

GIB = 1024**3
_CACHE_SHARE = 8
"""The part of the model server's memory that prompt caches get without a word of the operator: an eighth. llama-server
itself would take 8 GiB for each loaded model (its --cache-ram), whatever the container's limit."""
_LOADED_ON_CPU = 3  # Ollama's own limit of loaded models without a GPU, which OLLAMA_MAX_LOADED_MODELS 0 leaves it to


_GPU_DEVICES = {"nvidia": "an index as 0, or an id as GPU-…", "amd": "a device file as /dev/dri/renderD128"}
GpuDevice = Annotated[str, Field(pattern=r"^(\d+|(GPU|MIG)-[A-Za-z0-9/-]+|/dev/dri/\w+)$"), BeforeValidator(text)]


class Settings(BaseModel):
    """Everything that a stack configures."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    stack: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
    profile: Literal["production", "development"] = Field(
        "production",
        description="production refuses images that can change under the same name, and sends HSTS",
        json_schema_extra=RELOAD,
    )
    ollama_version: Version = Field(
        alias="OLLAMA_VERSION", description="tag of the model server's image", json_schema_extra=RESTART_OLLAMA
    )
    ollama_models: ModelNames = Field(
        alias="OLLAMA_MODELS",
        description="models to have in the volume, each [host/][namespace/]name:tag, with @sha256:<digest> to pin it",
        json_schema_extra=NONE,
    )
    ollama_memory_limit: Memory = Field(
        8 * GIB,
        alias="OLLAMA_MEMORY_LIMIT",
        description="memory limit of the model server",
        json_schema_extra=RESTART_OLLAMA,
    )
    ollama_memory_reservation: Size = Field(
        4 * GIB,
        alias="OLLAMA_MEMORY_RESERVATION",
        description="memory that the host keeps for the model server when memory is short",
        json_schema_extra=RESTART_OLLAMA,
    )
    ollama_max_loaded_models: Whole = Field(
        3,
        alias="OLLAMA_MAX_LOADED_MODELS",
        ge=0,
        description="models that are in memory at once; 0 leaves it to Ollama",
        json_schema_extra=RESTART_OLLAMA,
    )
    ollama_num_parallel: Whole = Field(
        1,
        alias="OLLAMA_NUM_PARALLEL",
        ge=0,
        description="requests that one model works on at once; 0 leaves it to Ollama",
        json_schema_extra=RESTART_OLLAMA,
    )
    image_tag: ImageTag = Field(alias="IMAGE_TAG", description="tag of the API's image", json_schema_extra=RELEASE)
    docker_host: Annotated[str, Field(pattern=r"^(unix|tcp|ssh)://\S+$"), BeforeValidator(text)] | None = Field(
        None, description="the Docker engine; without it, DOCKER_HOST or the local one", json_schema_extra=REBUILD
    )
    gpu: Literal["none", "nvidia", "amd"] = Field(
        "none", description="maker of the GPUs that the model server gets", json_schema_extra=RESTART_OLLAMA
    )
    gpu_devices: Items[GpuDevice] = Field(
        (),
        description="which GPUs: indices or ids (nvidia), or device files (amd); without it, all of them",
        json_schema_extra=RESTART_OLLAMA,
    )
    ollama: Ollama = Ollama()
    models: Models = Models()
    api: Api = Api()
    edge: Edge = Edge()
    network: Network = Network()
    rollout: Rollout = Rollout()
    monitoring: Annotated[Monitoring | None, Off] = Field(
        Monitoring(), description="metrics and alerts; off for none", json_schema_extra=NONE
    )
    logging: Annotated[Logs | None, Off] = Field(
        Logs(), description="collection and search of logs; off for none", json_schema_extra=NONE
    )
    pages: Pages = Pages()
    images: Images = Images()
    secrets: Secrets = Secrets()

    @property
    def preloaded(self) -> tuple[Model, ...]:
        """The models that must be in memory before a release may pass the gate."""
        wanted = self.ollama.preload
        return self.ollama_models if isinstance(wanted, str) else tuple(map(self._listed, wanted))

    @property
    def loaded_at_once(self) -> int:
        """How many models can be in memory at once, as far as the settings say."""
        return self.ollama_max_loaded_models or _LOADED_ON_CPU

    @property
    def prompt_cache(self) -> int:
        """Bytes of earlier prompts' state that each loaded model may keep; 0 for none."""
        if self.ollama.prompt_cache is not None:
            return self.ollama.prompt_cache
        return self.ollama_memory_limit // _CACHE_SHARE // self.loaded_at_once // MIB * MIB

    def _listed(self, model: Model) -> Model:
        """The entry of OLLAMA_MODELS that is this model, with its digest; the model itself where there is none."""
        return next((found for found in self.ollama_models if found.full_name == model.full_name), model)

    @property
    def smoke(self) -> Smoke | None:
        """The smoke request, with the first model in it; None for none."""
        if self.api.smoke is None:
            return None
        body = self.api.smoke.body.replace("{model}", self.ollama_models[0].reference)
        return self.api.smoke.model_copy(update={"body": body})

    @property
    def narrowed(self) -> dict[str, tuple[str, ...]]:
        """The settings of the edge that name paths within `api.paths`, by key. Defaults are not among them."""
        found = {"edge.webSocketPaths": self.edge.web_socket_paths}
        if "completion_paths" in self.edge.model_fields_set:
            found["edge.completionPaths"] = self.edge.completion_paths
        for key_id, key in (self.edge.api_keys or {}).items():
            found[f"edge.apiKeys.{key_id}.paths"] = key.paths
        return found

    @model_validator(mode="after")
    def _fit_together(self, info: ValidationInfo) -> Self:
        # With values in their place, no reference says any more which store is used.
        as_written = FETCHED not in (info.context or {})
        keyed = bool(self.api.secrets)
        stores = self.secrets.conflicts(self.stack, list(references(self)), keyed=keyed) if as_written else ()
        refuse([*self._conflicts(), *stores])
        return self

    def _conflicts(self) -> Iterator[str]:
        """What is wrong between settings of different groups; a setting that changes nothing beside another too."""
        yield from self._known_faults()
        if self.edge.tls.acme and self.profile == "production" and self.images.lego == LOCAL:
            yield "images.lego: edge.tls.acme needs it; name goacme/lego:<4.x>@sha256:<digest>"
        if "lego" in self.images.model_fields_set and not self.edge.tls.acme:
            yield "images.lego: has no effect without edge.tls.acme; remove it"
        if "grafana" in self.images.model_fields_set and not (self.monitoring and self.monitoring.grafana):
            yield "images.grafana: has no effect without monitoring.grafana; remove it, or turn that on"
        if "ollama" in self.images.model_fields_set and self.ollama_version == LOCAL:
            yield f'images.ollama: has no effect while OLLAMA_VERSION is "{LOCAL}"; remove it'
        if "image" in self.api.model_fields_set and self.image_tag == LOCAL:
            yield f'api.image: has no effect while IMAGE_TAG is "{LOCAL}"; remove it'
        for where, paths in self.narrowed.items():
            if closed := [path for path in paths if not path.startswith(self.api.paths)]:
                yield f"{where}: {', '.join(closed)} is not below api.paths, so nobody can ask for it"
        if not any(path.startswith(self.api.paths) for path in self.edge.completion_paths):
            for where in self.edge.completion_limits:
                yield f"{where} has no effect: none of edge.completionPaths is below api.paths"
        if self.ollama_memory_reservation > self.ollama_memory_limit:
            yield "OLLAMA_MEMORY_RESERVATION is larger than OLLAMA_MEMORY_LIMIT"
        yield from self._model_conflicts()
        yield from self._gpu_conflicts()
        yield from self._sink_conflicts()

    def _model_conflicts(self) -> Iterator[str]:
        names = [model.full_name.casefold() for model in self.ollama_models]
        if twice := sorted(
            {model.reference for model in self.ollama_models if names.count(model.full_name.casefold()) > 1}
        ):
            yield f"OLLAMA_MODELS names {', '.join(twice)} twice"
        for model in self.preloaded:
            if model not in self.ollama_models:
                yield f"ollama.preload: {model.reference} is not in OLLAMA_MODELS"
        if len(self.preloaded) > self.loaded_at_once:
            yield (
                f"ollama.preload names {len(self.preloaded)} models, but OLLAMA_MAX_LOADED_MODELS lets "
                f"{self.loaded_at_once} be in memory at once"
            )
        if (caches := self.prompt_cache * self.loaded_at_once) >= self.ollama_memory_limit:
            yield (
                f"ollama.promptCache: {self.loaded_at_once} loaded models would keep {caches // MIB} MiB of prompts; "
                "OLLAMA_MEMORY_LIMIT has no room left for the models"
            )
        yield from self._source_conflicts()

    def _source_conflicts(self) -> Iterator[str]:
        """Between where models are pulled from and what they are called."""
        mirror = self.models.mirror
        library = [model for model in self.ollama_models if model.from_library]
        hosts = {model.host for model in self.ollama_models if not model.from_library}
        if mirror and not library:
            yield "models.mirror: has no effect, because every model names a registry of its own; remove it"
        if mirror and mirror.namespace:
            for model in library:
                if model.namespace != DEFAULT_NAMESPACE:
                    yield (
                        f"models.mirror: has the namespace {mirror.namespace}, where {model.reference} with its own "
                        f"namespace cannot be; write it as {mirror.host}/<namespace>/{model.name}:{model.tag}"
                    )
        if idle := [host for host in self.models.plain_http if host not in hosts]:
            yield f"models.plainHttp: no model is pulled from {', '.join(idle)}; remove it"
        secure = (hosts - set(self.models.plain_http)) or (library and not (mirror and mirror.plain))
        for key in ("proxy", "ca"):
            if getattr(self.models, key) and not secure:
                yield f"models.{key}: has no effect, because every model is pulled by plain http; remove it"

    def _gpu_conflicts(self) -> Iterator[str]:
        if self.gpu_devices and self.gpu == "none":
            yield "gpuDevices: has no effect while gpu is none; remove it"
        if self.gpu != "none" and self.ollama_version == LOCAL:
            yield f'gpu: the image of OLLAMA_VERSION "{LOCAL}" is for CPUs only; name a published version'
        for device in self.gpu_devices:
            if device.startswith("/") != (self.gpu == "amd") and self.gpu != "none":
                yield f"gpuDevices: {device} is no device of {self.gpu}; write {_GPU_DEVICES[self.gpu]}"

    def _sink_conflicts(self) -> Iterator[str]:
        """The collector of images/collector has the exporters that a development stack needs, and no more."""
        built_here = self.images.collector == LOCAL or (self.images.collector is None and self.profile == "development")
        for name in ("elasticsearch", "datadog"):
            if self.logging and getattr(self.logging.sinks, name) and built_here:
                yield f"logging.sinks.{name}: the collector that is built here cannot write to it; set images.collector"

    def _known_faults(self) -> Iterator[str]:
        """By the tag of nginx's image; a tag that says no version is judged by what runs (engine/configure.py)."""
        version = versions.of_image(self.images.nginx)
        if version is None or versions.is_safe(version):
            return
        older, wanted = versions.text(version), versions.wanted()
        what = f"nginx {older} has known faults (docs/security.md); name an image of nginx {wanted}"
        if self.profile == "production":
            yield f"images.nginx: {what}"
        elif self.edge.http2:
            yield f"edge.http2: {what}, or leave HTTP/2 off"
