"""Which nginx is known to be safe: its versions, tags of its images, and what settings make of them."""

from typing import Any

import pytest

from engine.configure import _must_be_safe
from engine.errors import Refused
from nginx import versions
from nginx.versions import Version
from render.nginx import render
from settings import SettingsError, load

DIGEST = "sha256:" + "ab" * 32
DEV = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
PROD = {"OLLAMA_VERSION": f"1@{DIGEST}", "IMAGE_TAG": "1", "OLLAMA_MODELS": ["a:1"], "edge": {"apiKeys": "off"}}


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((1, 22, 1), False),
        ((1, 29, 8), False),
        ((1, 30, 6), False),
        ((1, 30, 7), True),
        ((1, 30, 12), True),
        ((1, 31, 0), False),
        ((1, 31, 8), False),
        ((1, 31, 9), True),
        ((1, 31, 10), True),
        ((1, 32, 0), True),
        ((2, 0, 0), True),
    ],
)
def test_each_branch_has_its_own_least_safe_version(version: Version, safe: bool) -> None:
    assert versions.is_safe(version) is safe


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("nginx:1.30.5", (1, 30, 5)),
        (f"nginx:1.30.5-alpine@{DIGEST}", (1, 30, 5)),
        ("registry.example:5000/library/nginx:1.31.9-alpine3.23-slim", (1, 31, 9)),
        ("nginxinc/nginx-unprivileged:1.30.7", (1, 30, 7)),
        ("nginx:1.30", None),
        ("nginx:1.30.5.1", None),
        ("nginx:stable-alpine", None),
        ("registry.example/edge:1.2.3", None),
        ("registry.example/not-nginx:1.2.3", None),
        ("local", None),
    ],
)
def test_what_a_tag_says(image: str, version: Version | None) -> None:
    assert versions.of_image(image) == version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("nginx version: nginx/1.30.6", (1, 30, 6)),
        ("nginx version: nginx/1.24.0 (Ubuntu)", (1, 24, 0)),
        ("sh: nginx: not found", None),
    ],
)
def test_what_the_program_says(said: str, version: Version | None) -> None:
    assert versions.of_program(said) == version


def refusal(base: dict[str, Any], image: str, **edge: Any) -> str:
    values = {**base, "images": {"nginx": image}, "edge": {**base.get("edge", {}), **edge}}
    try:
        load("x", values)
    except SettingsError as error:
        return str(error)
    return ""


def test_production_refuses_an_older_image_by_its_tag() -> None:
    said = refusal(PROD, f"nginx:1.30.6-alpine@{DIGEST}")
    assert "images.nginx: nginx 1.30.6 has known faults" in said
    assert "1.30.7, or 1.31.9 or later" in said
    assert not refusal(PROD, f"nginx:1.30.7-alpine@{DIGEST}")


def test_http2_is_refused_on_an_older_image_in_any_stack() -> None:
    assert "edge.http2: nginx 1.30.6 has known faults" in refusal(DEV, "nginx:1.30.6", http2=True)
    assert not refusal(DEV, "nginx:1.30.6")
    assert not refusal(DEV, "nginx:1.31.9", http2=True)
    assert not refusal(DEV, "local", http2=True), "what runs is asked when the configuration is applied"


SAFE, OLD, UNKNOWN = "nginx version: nginx/1.31.9", "nginx version: nginx/1.30.6", "sh: nginx: not found"


@pytest.mark.parametrize(
    ("said", "http2", "production", "refused"),
    [
        (SAFE, True, True, ""),
        (OLD, False, False, ""),
        (OLD, True, False, "runs nginx 1.30.6, and HTTP/2 needs nginx 1.30.7"),
        (OLD, False, True, "runs nginx 1.30.6, and a production stack needs nginx 1.30.7"),
        (OLD, True, True, "runs nginx 1.30.6, and a production stack needs nginx 1.30.7"),
        (UNKNOWN, False, True, "does not tell its version"),
        (UNKNOWN, False, False, ""),
    ],
)
def test_what_runs_counts_whatever_the_tag_says(said: str, http2: bool, production: bool, refused: str) -> None:
    try:
        _must_be_safe("x-nginx", said, http2=http2, production=production)
        message = ""
    except Refused as error:
        message = str(error)
    assert refused in message
    assert bool(message) is bool(refused)


@pytest.mark.parametrize(("edge", "lines"), [({}, {"off"}), ({"http2": False}, {"off"}), ({"http2": True}, {"on"})])
def test_http2_is_off_unless_it_is_asked_for(edge: dict[str, Any], lines: set[str]) -> None:
    files = render(load("dev", {**DEV, "edge": edge})).files
    said = [line.split()[1].rstrip(";") for text in files.values() for line in text.splitlines() if " http2 " in line]
    assert set(said) == lines
    assert len(said) == 2
