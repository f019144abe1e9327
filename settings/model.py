"""The settings of one stack: what may be configured, with its type, default and meaning.

The specification's variables keep their own upper-case names; everything else is grouped in lower-case objects.
"""

from decimal import Decimal
from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from nginx import versions
from settings.edge import Edge
from settings.group import EnvName, Group, Off, Port, Secret
from settings.values import (
    LOCAL,
    Cpus,
    Duration,
    Image,
    ImageTag,
    Memory,
    ModelNames,
    Repository,
    Size,
    Subnet,
    UrlPath,
    Version,
)

GIB = 1024**3
MIB = 1024**2


class Ollama(Group):
    """What the specification leaves open about the model server."""

    cpus: Cpus = Field(Decimal(4), description="CPU limit; the server's thread count follows it")
    context_length: int | None = Field(None, ge=256, description="tokens of context per request; Ollama's own if unset")
    pids: int = Field(512, ge=64, description="limit of processes and threads")


class Models(Group):
    """Where `ollama-init` pulls from."""

    mirror: str | None = Field(
        None,
        pattern=rf"^({LOCAL}|https?://[A-Za-z0-9.-]+(:\d+)?)$",
        description="a registry to pull from in place of the public library; `local` runs images/model-mirror",
    )
    keep: bool = Field(True, description="leave the volume of the models when the stack is destroyed")


class Smoke(Group):
    """One real request that a new release must answer before it gets traffic."""

    method: Literal["GET", "POST"] = "POST"
    path: UrlPath = "/v1/chat/completions"
    body: str = Field(
        '{"model": "{model}", "stream": true, "max_tokens": 8, "messages": [{"role": "user", "content": "Say ok."}]}',
        description="sent as application/json; {model} stands for the first of OLLAMA_MODELS",
    )
    expect: str = Field("[DONE]", description="text that the answer must contain")
    timeout: Duration = Field(120, description="time to the end of the answer, a model's load included")


class Api(Group):
    """The API image and how it runs. Any HTTP server will do."""

    image: Repository = Field("orca-agents/api", description="repository of the image; its tag is IMAGE_TAG")
    port: Port = Field(8000, description="the port it listens on")
    readiness: UrlPath = Field("/readyz", description="answers 2xx when a colour may get traffic")
    paths: tuple[UrlPath, ...] = Field(("/v1/",), min_length=1, description="URL prefixes that the edge lets through")
    smoke: Annotated[Smoke | None, Off] = Field(Smoke(), description="the gate's request, or off")
    marks_streams: bool = Field(
        False,
        description="its streams carry `X-Accel-Buffering: no`; the edge can only then tell them from other answers",
    )
    env: dict[EnvName, str] = Field(default_factory=dict, description="further environment; never a secret")
    replicas: int = Field(1, ge=1, le=16, description="containers per colour")
    egress: bool = Field(True, description="may the API reach out of the host")
    user: str = Field("10001:10001", pattern=r"^[1-9]\d*:\d+$", description="uid:gid it runs as")
    memory: Memory = 512 * MIB
    cpus: Cpus = Decimal(1)
    pids: int = Field(256, ge=16)
    drain: Duration = Field(300, description="time that running requests get when its container is replaced")


class Network(Group):
    """The range that the stack's networks are cut from; stacks on one host need ranges that do not overlap."""

    cidr: Subnet = IPv4Network("10.77.0.0/20")


class Rollout(Group):
    """How a release goes live."""

    drain_timeout: Duration = Field(300, description="longest wait for the idle colour's last requests")
    gate_passes: int = Field(3, ge=1, le=100, description="readiness passes in a row before the flip")
    gate_timeout: Duration = Field(180, description="longest wait for those passes")
    watch: Duration = Field(30, description="time under watch after the flip")
    error_ratio: Decimal = Field(Decimal("0.05"), gt=0, le=1, description="share of 5xx answers that undoes a flip")
    promote: Literal["auto", "manual"] = Field("auto", description="manual stops after the gate")
    preview_key: Annotated[Secret, Field(min_length=24)] = Field(
        None, description="opens the idle colour to who sends it as X-Orca-Preview; a secret, `openssl rand -hex 16`"
    )


class Images(Group):
    """Third-party images. `ollama` is a repository: its version is OLLAMA_VERSION."""

    ollama: Repository = "ollama/ollama"
    nginx: Image = Field(LOCAL, validate_default=True)
    lego: Image = Field(LOCAL, description="the ACME client, for edge.tls.acme; of version 4")


class Settings(BaseModel):
    """Everything that a stack configures."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    stack: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
    profile: Literal["production", "development"] = Field(
        "production", description="production refuses images that can change under the same name"
    )
    ollama_version: Version = Field(alias="OLLAMA_VERSION")
    ollama_models: ModelNames = Field(alias="OLLAMA_MODELS")
    ollama_memory_limit: Memory = Field(8 * GIB, alias="OLLAMA_MEMORY_LIMIT")
    ollama_memory_reservation: Size = Field(4 * GIB, alias="OLLAMA_MEMORY_RESERVATION")
    ollama_max_loaded_models: int = Field(3, alias="OLLAMA_MAX_LOADED_MODELS", ge=0)
    ollama_num_parallel: int = Field(1, alias="OLLAMA_NUM_PARALLEL", ge=0)
    image_tag: ImageTag = Field(alias="IMAGE_TAG")
    docker_host: str | None = Field(
        None, pattern=r"^(unix|tcp|ssh)://\S+$", description="the engine; DOCKER_HOST or the local one if unset"
    )
    ollama: Ollama = Ollama()
    models: Models = Models()
    api: Api = Api()
    edge: Edge = Edge()
    network: Network = Network()
    rollout: Rollout = Rollout()
    images: Images = Images()

    @property
    def smoke(self) -> Smoke | None:
        """The smoke request as it is sent; None for none."""
        if self.api.smoke is None:
            return None
        model = self.ollama_models[0].split("@")[0]
        return self.api.smoke.model_copy(update={"body": self.api.smoke.body.replace("{model}", model)})

    @model_validator(mode="after")
    def _a_safe_nginx(self) -> Self:
        """By the image's tag; a tag that says no version is judged by what runs (engine/configure.py)."""
        version = versions.of_image(self.images.nginx)
        if version is None or versions.is_safe(version):
            return self
        older, wanted = versions.text(version), versions.wanted()
        what = f"nginx {older} has known faults (docs/security.md); name an image of nginx {wanted}"
        if self.profile == "production":
            raise ValueError(f"images.nginx: {what}")
        if self.edge.http2:
            raise ValueError(f"edge.http2: {what}, or leave HTTP/2 off")
        return self

    @model_validator(mode="after")
    def _an_image_for_acme(self) -> Self:
        if self.edge.tls.acme and self.profile == "production" and self.images.lego == LOCAL:
            raise ValueError("images.lego: edge.tls.acme needs it; name goacme/lego:<4.x>@sha256:<digest>")
        return self

    @model_validator(mode="after")
    def _within_the_open_paths(self) -> Self:
        wanted = {"edge.webSocketPaths": self.edge.web_socket_paths}
        for key_id, key in (self.edge.api_keys or {}).items():
            wanted[f"edge.apiKeys.{key_id}.paths"] = key.paths
        for where, paths in wanted.items():
            if closed := [path for path in paths if not path.startswith(self.api.paths)]:
                raise ValueError(f"{where}: {', '.join(closed)} is not below api.paths, so nobody can ask for it")
        return self

    @model_validator(mode="after")
    def _reservation_below_limit(self) -> Self:
        if self.ollama_memory_reservation > self.ollama_memory_limit:
            raise ValueError("OLLAMA_MEMORY_RESERVATION is larger than OLLAMA_MEMORY_LIMIT")
        return self

    @model_validator(mode="after")
    def _distinct_models(self) -> Self:
        names = [model.split("@")[0] for model in self.ollama_models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"OLLAMA_MODELS names {', '.join(twice)} twice")
        return self
