"""The settings of the model server that the specification leaves open. A key that Ollama has a variable for has that
variable's name: `keepAlive` is OLLAMA_KEEP_ALIVE."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator
from pydantic.alias_generators import to_camel

from settings.effect import NONE, RESTART_OLLAMA
from settings.group import EnvName, Group, off
from settings.models import Model, model
from settings.scalars import Items, Table, Text, Whole, decoded, text
from settings.values import Cpus, Duration, read_duration, read_size

ALL = "all"
FOREVER = -1

_NO_WAY_OUT = "the server has no way out, so it has no effect; models.proxy is for pulls"
REFUSED_ENV = {
    "OLLAMA_MODELS": "there it is a directory, and the models would be gone; write the models as the key OLLAMA_MODELS",
    "OLLAMA_HOST": "the API and the health check would not find the server",
    "OLLAMA_NOPRUNE": "the server would remove what ollama-init is pulling",
    "OLLAMA_NO_CLOUD": "the deployment sets it",
    "OLLAMA_VERSION": "write it as the key OLLAMA_VERSION",
    "OLLAMA_MAX_LOADED_MODELS": "write it as the key OLLAMA_MAX_LOADED_MODELS",
    "OLLAMA_NUM_PARALLEL": "write it as the key OLLAMA_NUM_PARALLEL",
    "LLAMA_ARG_THREADS": "it follows ollama.cpus",
    "LLAMA_ARG_CACHE_RAM": "write it as ollama.promptCache",
    "LLAMA_ARG_CTX_SIZE": "write it as ollama.contextLength",
    "LLAMA_ARG_MODEL": "Ollama sets it",
    "LLAMA_ARG_HOST": "Ollama sets it",
    "LLAMA_ARG_PORT": "Ollama sets it",
    "HOME": "the models are in its volume",
    "PATH": "Ollama would not find its parts",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"), _NO_WAY_OUT),
}
"""What `ollama.env` may not set, and why."""


def _keep_alive(value: Any) -> Any:
    found = str(text(value)).strip()
    return FOREVER if re.fullmatch(r"-\d+[smh]?", found) else 0 if found == "0" else read_duration(found)


def _cache(value: Any) -> Any:
    return 0 if off(value) is None else read_size(value)


def _preload(value: Any) -> Any:
    found = decoded(value)
    if found == ALL:
        return found
    if not isinstance(found, list | tuple):
        raise ValueError(f'"{found}" is not a list of models; write {ALL}, or a list of entries of OLLAMA_MODELS')
    return tuple(map(model, found))


def _origin(value: str) -> str:
    if not re.fullmatch(r"[^\s,]+", value):
        raise ValueError(f'"{value}" is not an origin; write https://app.example')
    return value


def _env(value: dict[str, str]) -> dict[str, str]:
    own = {f"OLLAMA_{name.upper()}": to_camel(name) for name in NAMED}
    for name in value:
        if name in own:
            raise ValueError(f"{name} has a key of its own: write it as ollama.{own[name]}")
        if why := REFUSED_ENV.get(name.upper()):
            raise ValueError(f"{name} cannot be set here: {why}")
    return value


NAMED = (
    "keep_alive",
    "max_queue",
    "context_length",
    "flash_attention",
    "kv_cache_type",
    "load_timeout",
    "origins",
    "debug",
)
"""The settings that Ollama has a variable of the same name for, OLLAMA_ and the name in upper case."""

KeepAlive = Annotated[int, BeforeValidator(_keep_alive)]
"""Seconds, written as a duration; -1 for ever, 0 not at all."""


class Ollama(Group):
    """What the specification leaves open about the model server."""

    cpus: Cpus = Field(
        Decimal(4),
        description="CPU limit; the server runs one thread for each whole CPU",
        json_schema_extra=RESTART_OLLAMA,
    )
    keep_alive: KeepAlive | None = Field(
        None,
        description="time that a model stays in memory without a request, -1 for ever; without it, Ollama's own 5m",
        json_schema_extra=RESTART_OLLAMA,
    )
    max_queue: Whole | None = Field(
        None,
        ge=1,
        description="requests that wait for a model before Ollama answers 503; without it, Ollama's own 512",
        json_schema_extra=RESTART_OLLAMA,
    )
    context_length: Whole | None = Field(
        None,
        ge=256,
        description="tokens of context for each request; without it, Ollama's own default",
        json_schema_extra=RESTART_OLLAMA,
    )
    flash_attention: bool | None = Field(
        None, description="flash attention; without it, Ollama decides", json_schema_extra=RESTART_OLLAMA
    )
    kv_cache_type: Literal["f16", "q8_0", "q4_0"] | None = Field(
        None,
        description="type of the numbers in the cache of keys and values: q8_0 takes half of the memory of f16",
        json_schema_extra=RESTART_OLLAMA,
    )
    load_timeout: Duration | None = Field(
        None,
        description="time without progress after which Ollama gives a model's load up; without it, Ollama's own 5m",
        json_schema_extra=RESTART_OLLAMA,
    )
    origins: Items[Annotated[str, AfterValidator(_origin), BeforeValidator(text)]] = Field(
        (), description="origins that Ollama lets browsers ask from", json_schema_extra=RESTART_OLLAMA
    )
    debug: bool = Field(
        False, description="whether Ollama logs its decisions in detail", json_schema_extra=RESTART_OLLAMA
    )
    prompt_cache: Annotated[int, BeforeValidator(_cache)] | None = Field(
        None,
        description="memory in which each loaded model keeps the state of earlier prompts, or off; without it, an "
        "eighth of OLLAMA_MEMORY_LIMIT for all models together",
        json_schema_extra=RESTART_OLLAMA,
    )
    env: Annotated[Table[EnvName, Text], AfterValidator(_env)] = Field(
        default_factory=dict,
        description="further environment of the model server; in plain text, so never a secret",
        json_schema_extra=RESTART_OLLAMA,
    )
    pids: Whole = Field(512, ge=64, description="limit of processes and threads", json_schema_extra=NONE)
    preload: Annotated[Literal["all"] | tuple[Model, ...], PlainValidator(_preload)] = Field(
        (),
        description="entries of OLLAMA_MODELS, or all, that must be in memory before a release may pass the gate",
        json_schema_extra=NONE,
    )
    prune: bool = Field(
        False,
        description="whether models that OLLAMA_MODELS does not name are removed from the volume",
        json_schema_extra=NONE,
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.flash_attention is False and self.kv_cache_type not in (None, "f16"):
            raise ValueError(f"kvCacheType {self.kv_cache_type} needs flash attention; remove flashAttention: false")
        if self.preload and self.keep_alive == 0:
            raise ValueError(
                "preload has no effect with keepAlive 0, which unloads a model at once; remove one of them"
            )
        return self
