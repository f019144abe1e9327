"""The settings of the API: its image, how it runs, and what a release of it must answer."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from settings.api_secret import GivenSecret
from settings.effect import NONE, RELEASE
from settings.group import EnvName, Group, Off, Port, refuse
from settings.images import Repository
from settings.scalars import Items, Table, Text, Whole, text
from settings.values import MIB, Cpus, Duration, Memory, UrlPath

ORCA_COLOUR, ORCA_RELEASE = "ORCA_COLOUR", "ORCA_RELEASE"
"""What the deployment itself says in the API's environment."""
MOST_REPLICAS = 16


class Smoke(Group):
    """One real request that a new release must answer before it gets traffic."""

    method: Literal["GET", "POST"] = Field("POST", description="method of the request", json_schema_extra=NONE)
    path: UrlPath = Field("/v1/chat/completions", description="path of the request", json_schema_extra=NONE)
    body: Text = Field(
        '{"model": "{model}", "stream": true, "max_tokens": 8, "messages": [{"role": "user", "content": "Say ok."}]}',
        description="sent as application/json; {model} stands for the first of OLLAMA_MODELS that can answer it",
        json_schema_extra=NONE,
    )
    expect: Text = Field("[DONE]", description="text that the answer must contain", json_schema_extra=NONE)
    timeout: Duration = Field(
        120,
        ge=1,
        description="longest time to the end of the answer, the model's load included",
        json_schema_extra=NONE,
    )


CHAT = Smoke()
"""The request without a word of the operator, and what is sent in its place where no model can chat."""
EMBEDDING = Smoke(path="/v1/embeddings", body='{"model": "{model}", "input": "ok"}', expect='"embedding"')


class Before(Group):
    """A command of the new image that must succeed before a release gets a container, as a migration does."""

    command: Items[Text] = Field(
        min_length=1,
        description="program and arguments, in place of those of the image; must be safe to run again",
        json_schema_extra=NONE,
    )
    timeout: Duration = Field(
        600, ge=1, description="time until the command is ended, and counts as failed", json_schema_extra=NONE
    )


class Api(Group):
    """The API image and how it runs. Any HTTP server will do."""

    image: Repository = Field(
        "orca-agents/api", description="repository of the image; IMAGE_TAG is its tag", json_schema_extra=RELEASE
    )
    port: Port = Field(8000, description="port that the API listens on", json_schema_extra=RELEASE)
    readiness: UrlPath = Field(
        "/readyz", description="path that answers 2xx when a colour may get traffic", json_schema_extra=RELEASE
    )
    paths: Items[UrlPath] = Field(
        ("/v1/",), min_length=1, description="URL prefixes that the edge lets through", json_schema_extra=RELEASE
    )
    smoke: Annotated[Smoke | None, Off] = Field(
        CHAT,
        description="the request that a release must answer at the gate, and in a watch without other requests; or off",
        json_schema_extra=NONE,
    )
    before: Annotated[Before | None, Off] = Field(
        None,
        description="a command of the new image that runs to its end before a release is made; or off",
        json_schema_extra=NONE,
    )
    marks_streams: bool = Field(
        False,
        description="the API sends `X-Accel-Buffering: no` with its streams, so the edge may buffer its other answers",
        json_schema_extra=RELEASE,
    )
    keep_alive: Annotated[Annotated[Duration, Field(ge=1, le=60)] | None, Off] = Field(
        1,
        description="how long the edge keeps an idle connection to the API, if the gate finds that the API keeps it "
        "longer; or off",
        json_schema_extra=RELEASE,
    )
    env: Table[EnvName, Text] = Field(
        default_factory=dict,
        description="further environment of the API; in plain text, so never a secret",
        json_schema_extra=RELEASE,
    )
    secrets: Table[EnvName, GivenSecret] = Field(
        default_factory=dict,
        description="secrets of the API by name, each a Pulumi secret or {from, key, as}; the API finds a value in the "
        "file that <NAME>_FILE names, or with `as: env` in the variable <NAME>",
        json_schema_extra=RELEASE,
    )
    replicas: Whole = Field(
        1, ge=1, le=MOST_REPLICAS, description="containers of each colour", json_schema_extra=RELEASE
    )
    egress: bool = Field(
        True, description="whether the API may open connections out of the host", json_schema_extra=RELEASE
    )
    user: Annotated[str, Field(pattern=r"^[1-9]\d*:\d+$"), BeforeValidator(text)] = Field(
        "10001:10001", description="uid:gid that the API runs as", json_schema_extra=RELEASE
    )
    memory: Memory = Field(512 * MIB, description="memory limit of each container", json_schema_extra=RELEASE)
    cpus: Cpus = Field(Decimal(1), description="CPU limit of each container", json_schema_extra=RELEASE)
    pids: Whole = Field(
        256, ge=16, description="limit of processes and threads of each container", json_schema_extra=RELEASE
    )
    drain: Duration = Field(
        300,
        description="time that requests in flight get to end when a container of the API is stopped",
        json_schema_extra=RELEASE,
    )

    @model_validator(mode="after")
    def _free_names(self) -> Self:
        refuse(self._taken_names())
        return self

    def _taken_names(self) -> Iterator[str]:
        """A variable that is set twice: one of the two would have no effect."""
        own = {ORCA_COLOUR, ORCA_RELEASE}
        for name in sorted(own & self.env.keys()):
            yield f"env.{name} has no effect, because the deployment sets {name} itself; remove it"
        variables = {name: name if secret.form == "env" else f"{name}_FILE" for name, secret in self.secrets.items()}
        taken = [*variables.values(), *own, *self.env]
        for name, variable in variables.items():
            # By convention, NAME and NAME_FILE exclude each other.
            if taken.count(variable) > 1 or name in own | self.env.keys():
                yield f"secrets.{name}: something else sets {variable} or {name}; rename one of them"
