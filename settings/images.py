"""The images of a stack: how they are written, and which of them must be pinned."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from settings.effect import NONE, RESTART_EDGE, RESTART_OLLAMA
from settings.group import Group
from settings.scalars import exact
from settings.values import LOCAL

_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?/)?"
_REPOSITORY = rf"{_HOST}[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_IMAGE = re.compile(rf"({_REPOSITORY})(?::({_TAG}))?(?:@({_DIGEST}))?")
_VERSION = re.compile(rf"({_TAG})(?:@({_DIGEST}))?")


def in_production(info: ValidationInfo) -> bool:
    """Whether the settings that are being read are those of a production stack."""
    return bool(info.context and info.context.get("production"))


def _unpinned(value: str, tag: str | None, digest: str | None, info: ValidationInfo) -> str | None:
    """What is wrong with this pin, if anything."""
    if not info.context or not in_production(info):
        return None
    if value == LOCAL:
        return '"local" is for development stacks; name a published image'
    if tag in (None, "latest"):
        return f'"{value}" can change under the same name; a production stack needs a specific tag'
    return (
        None
        if digest or info.context["unpinned"]
        else f'"{value}" has no digest; a production stack needs tag@sha256:<digest>'
    )


def _image(value: str, info: ValidationInfo) -> str:
    match = _IMAGE.fullmatch(value)
    if not match:
        raise ValueError(f'"{value}" is not an image; write repository:tag@sha256:<digest>')
    if problem := _unpinned(value, match[2], match[3], info):
        raise ValueError(problem)
    return value


def _published(value: str) -> str:
    if value == LOCAL:
        raise ValueError('"local" cannot be built here; name a published image, or leave the key out')
    return value


def _version(value: str, info: ValidationInfo) -> str:
    match = _VERSION.fullmatch(value)
    if not match:
        raise ValueError(f'"{value}" is not an image tag; write tag@sha256:<digest>')
    if problem := _unpinned(value, match[1], match[2], info):
        raise ValueError(problem)
    return value


def _image_tag(value: str, info: ValidationInfo) -> str:
    """The operator's own image needs a specific tag. It needs no digest, because a build is named by its tag."""
    match = _VERSION.fullmatch(value)
    if not match:
        raise ValueError(f'"{value}" is not an image tag')
    if in_production(info) and value in (LOCAL, "latest"):
        raise ValueError(f'"{value}" is not a specific tag; a production stack needs the tag of one build')
    return value


def _repository(value: str) -> str:
    if not re.fullmatch(_REPOSITORY, value):
        raise ValueError(f'"{value}" is not an image repository; write it without tag, as registry.example/orca-agents')
    return value


Image = Annotated[str, AfterValidator(_image), BeforeValidator(exact)]
"""`repository:tag@sha256:<digest>`; outside production also without digest, or `local`."""
Version = Annotated[str, AfterValidator(_version), BeforeValidator(exact)]
"""The part of an image behind the colon: `tag@sha256:<digest>`; outside production also a bare tag, or `local`."""
ImageTag = Annotated[str, AfterValidator(_image_tag), BeforeValidator(exact)]
"""The tag of the operator's own image, with or without digest; `local` outside production."""
Published = Annotated[Image, AfterValidator(_published)]
"""An image of a registry: none is built here."""
Repository = Annotated[str, AfterValidator(_repository), BeforeValidator(exact)]
"""An image without its tag."""


def _known(what: str) -> str:
    return f"image of {what}; without it, the release that this version knows, or `local` in development"


class Images(Group):
    """Third-party images."""

    ollama: Repository = Field(
        "ollama/ollama",
        description="repository of the model server; OLLAMA_VERSION is its tag",
        json_schema_extra=RESTART_OLLAMA,
    )
    nginx: Image = Field(LOCAL, validate_default=True, description="image of the edge", json_schema_extra=RESTART_EDGE)
    prometheus: Image | None = Field(None, description=_known("Prometheus"), json_schema_extra=NONE)
    alertmanager: Image | None = Field(None, description=_known("Alertmanager"), json_schema_extra=NONE)
    blackbox: Image | None = Field(None, description=_known("the blackbox exporter"), json_schema_extra=NONE)
    cadvisor: Image | None = Field(None, description=_known("cAdvisor"), json_schema_extra=NONE)
    collector: Image | None = Field(
        None, description=_known("the OpenTelemetry Collector with contributed parts"), json_schema_extra=NONE
    )
    victorialogs: Image | None = Field(None, description=_known("VictoriaLogs"), json_schema_extra=NONE)
    grafana: Published | None = Field(
        None,
        description="image of Grafana, for monitoring.grafana; without it, the release that this version knows",
        json_schema_extra=NONE,
    )
    lego: Image = Field(
        LOCAL, description="image of the ACME client, for edge.tls.acme; of version 4", json_schema_extra=NONE
    )
