"""The settings of one stack: what may be configured, with its type, default, meaning and effect.

The specification's variables keep their own upper-case names; everything else is grouped in lower-case objects.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

from settings.api import Api, Smoke
from settings.conflicts import conflicts
from settings.edge import Edge
from settings.effect import NONE, REBUILD, RELEASE, RELOAD, RESTART_OLLAMA
from settings.group import Off, refuse
from settings.images import Images, ImageTag, Version
from settings.logs import Logs
from settings.models import Model, ModelNames, Models
from settings.monitoring import Monitoring
from settings.network import Network
from settings.ollama import Ollama
from settings.pages import Pages
from settings.references import references
from settings.rollout import Rollout
from settings.scalars import FETCHED, Items, Whole, text
from settings.secrets import Secrets
from settings.values import MIB, Memory, Size

GIB = 1024**3
_CACHE_SHARE = 8
"""The part of the model server's memory that prompt caches get without a word of the operator: an eighth. llama-server
itself would take 8 GiB for each loaded model (its --cache-ram), whatever the container's limit."""
_LOADED_ON_CPU = 3  # Ollama's own limit of loaded models without a GPU, which OLLAMA_MAX_LOADED_MODELS 0 leaves it to

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
    docker_data_root: Annotated[str, Field(pattern=r"^(/[\w.@-]+)+$"), BeforeValidator(text)] = Field(
        "/var/lib/docker",
        description="where the engine keeps its data: `docker info --format '{{.DockerRootDir}}'`",
        json_schema_extra=NONE,
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
        refuse([*conflicts(self), *stores])
        return self
