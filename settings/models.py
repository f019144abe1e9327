"""The models of a stack: how a model is named, and where it is pulled from."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator

from settings.effect import NONE
from settings.group import Group
from settings.scalars import decoded, exact, text
from settings.values import LOCAL

DEFAULT_HOST, DEFAULT_NAMESPACE = "registry.ollama.ai", "library"
"""What Ollama fills in where a name has no host or no namespace (its types/model/name.go)."""

# Ollama's own grammar (types/model/name.go): [host/][namespace/]model[:tag], each part up to 80 characters.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?"
_MODEL = re.compile(rf"(?:(?:({_HOST})/)?({_PART})/)?({_PART}):({_PART})(?:@(sha256:[0-9a-f]{{64}}))?")


class Model(str):
    """A model as the operator wrote it, `[host/][namespace/]name:tag[@sha256:<digest of the manifest>]`, and its parts.

    `host` and `namespace` are Ollama's defaults where the text has none; `digest` is empty where there is none;
    `reference` is the text without the digest: what clients ask for. Raises ValueError for a text that is no model.
    """

    host: str
    namespace: str
    name: str
    tag: str
    digest: str
    reference: str

    def __new__(cls, value: str) -> "Model":
        match = _MODEL.fullmatch(value)
        if not match:
            raise ValueError(f'"{value}" cannot be a model; write name:tag or name:tag@sha256:<64 hex digits>')
        made = super().__new__(cls, value)
        host, namespace, made.name, made.tag, digest = match.groups()
        made.host, made.namespace, made.digest = host or DEFAULT_HOST, namespace or DEFAULT_NAMESPACE, digest or ""
        made.reference = value.partition("@")[0]
        return made

    @property
    def full_name(self) -> str:
        """The reference with the host and the namespace: two spellings of one model have the same one."""
        return f"{self.host}/{self.namespace}/{self.name}:{self.tag}"


def _names(value: Any) -> Any:
    """A list may also be written as one text, `a, b c`: the form of an environment variable."""
    value = decoded(value)
    names = re.split(r"[,\s]+", text(value).strip(", \n")) if isinstance(value, str) else value
    if names in ([], [""]):
        raise ValueError("names no model; write a list of name:tag")
    return names


def _model(value: Any) -> Model:
    found = exact(value)
    if not isinstance(found, str):
        raise ValueError("is not the name of a model; write name:tag")
    return Model(found)


ModelName = Annotated[Model, PlainValidator(_model)]
ModelNames = Annotated[tuple[ModelName, ...], BeforeValidator(_names)]
"""A list of models; also accepted as one text, separated by commas or blanks."""


class Models(Group):
    """Where `ollama-init` pulls from."""

    mirror: (
        Annotated[str, Field(pattern=rf"^({LOCAL}|https?://[A-Za-z0-9.-]+(:\d+)?)$"), BeforeValidator(text)] | None
    ) = Field(
        None,
        description="registry to pull from instead of the public library; `local` runs images/model-mirror",
        json_schema_extra=NONE,
    )
    keep: bool = Field(
        True, description="leave the volume of the models when the stack is destroyed", json_schema_extra=NONE
    )
