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
from settings.group import refuse
from settings.images import Images, ImageTag, Version
from settings.models import ModelNames, Models
from settings.network import Network
from settings.ollama import Ollama
from settings.references import references
from settings.rollout import Rollout
from settings.scalars import FETCHED, Whole, text
from settings.secrets import Secrets
from settings.values import LOCAL, Memory, Size

GIB = 1024**3


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
        description="models to have in the volume, each name:tag or name:tag@sha256:<digest>",
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
    ollama: Ollama = Ollama()
    models: Models = Models()
    api: Api = Api()
    edge: Edge = Edge()
    network: Network = Network()
    rollout: Rollout = Rollout()
    images: Images = Images()
    secrets: Secrets = Secrets()

    @property
    def smoke(self) -> Smoke | None:
        """The smoke request as it is sent; None for none."""
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
        stores = (
            self.secrets.conflicts(self.stack, list(references(self)), keyed=bool(self.api.secrets))
            if as_written
            else ()
        )
        refuse([*self._conflicts(), *stores])
        return self

    def _conflicts(self) -> Iterator[str]:
        """What is wrong between settings of different groups; a setting that changes nothing beside another too."""
        yield from self._known_faults()
        if self.edge.tls.acme and self.profile == "production" and self.images.lego == LOCAL:
            yield "images.lego: edge.tls.acme needs it; name goacme/lego:<4.x>@sha256:<digest>"
        if "lego" in self.images.model_fields_set and not self.edge.tls.acme:
            yield "images.lego: has no effect without edge.tls.acme; remove it"
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
        names = [model.full_name for model in self.ollama_models]
        if twice := sorted({model.reference for model in self.ollama_models if names.count(model.full_name) > 1}):
            yield f"OLLAMA_MODELS names {', '.join(twice)} twice"

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
