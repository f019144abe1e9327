"""The rendered configuration of the edge."""

import re
from typing import Any

import pytest

from render.nginx import base_url, render
from settings import Settings, load


def dev(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    return load("dev", {**base, "network": {"cidr": "10.1.0.0/20"}, **values})


def test_the_id_follows_the_text_and_is_served_back() -> None:
    one, other = render(dev()), render(dev(edge={"readTimeout": "5s"}))
    assert one.id == render(dev()).id
    assert one.id != other.id
    assert f'return 200 "{one.id}\\n"' in one.files["sites/90-admin.conf"]


def test_every_include_is_there() -> None:
    files = render(dev()).files
    folders = {name.split("/")[0] for name in files}
    for text in files.values():
        for included in re.findall(r"^\s*include\s+(\S+);", text, re.MULTILINE):
            assert included in files or (included.endswith("/*.conf") and included.split("/")[0] in folders)


def test_each_colour_is_the_standby_of_the_other() -> None:
    text = render(dev(api={"replicas": 2})).files["conf.d/60-upstreams.conf"]
    blue, green = (re.search(rf"upstream {colour} {{(.*?)}}", text, re.DOTALL) for colour in ("blue", "green"))
    assert blue
    assert green
    assert re.findall(r"server (\S+) max_fails=1 fail_timeout=1s;", blue[1]) == ["10.1.1.32:8000", "10.1.1.33:8000"]
    assert re.findall(r"server (\S+) backup;", blue[1]) == ["10.1.1.64:8000", "10.1.1.65:8000"]
    assert re.findall(r"server (\S+) backup;", green[1]) == ["10.1.1.32:8000", "10.1.1.33:8000"]


@pytest.mark.parametrize(
    ("upstream_addr", "colour"),
    [
        ("10.1.1.32:8000", "blue"),
        ("10.1.1.64:8000", "green"),
        ("10.1.1.32:8000, 10.1.1.64:8000", "green"),
        ("10.1.1.132:8000", None),
        ("-", None),
    ],
)
def test_who_answered_is_the_last_address(upstream_addr: str, colour: str | None) -> None:
    text = render(dev()).files["conf.d/60-upstreams.conf"]
    patterns = dict(re.findall(r'^\s+"~(.+)"\s+(blue|green);', text, re.MULTILINE))
    found = [name for pattern, name in patterns.items() if re.search(pattern, upstream_addr)]
    assert found == ([colour] if colour else [])


def test_only_the_declared_paths_are_open() -> None:
    text = render(dev(api={"paths": ["/v1/", "/chat"]})).files["sites/10-api.conf"]
    tls = text.split("ssl;", 1)[1]
    assert re.findall(r"location (\S+) {", tls) == ["/v1/", "/chat", "/"]
    assert "return 404" in tls.rsplit("location / {", 1)[1]


@pytest.mark.parametrize(("profile", "sent"), [("development", False), ("production", True)])
def test_hsts_is_for_production(profile: str, sent: bool) -> None:
    digest = "sha256:" + "0" * 64
    settings = load(
        "x",
        {
            "profile": profile,
            "OLLAMA_VERSION": f"1@{digest}",
            "IMAGE_TAG": "1",
            "OLLAMA_MODELS": ["a:1"],
            "images": {"nginx": f"nginx:1@{digest}"},
        },
    )
    assert ("Strict-Transport-Security" in render(settings).files["snippets/headers.conf"]) is sent


def test_no_header_is_added_outside_of_the_one_snippet() -> None:
    adding = [name for name, text in render(dev()).files.items() if re.search(r"^\s*add_header", text, re.MULTILINE)]
    assert adding == ["snippets/headers.conf"]


def test_secrets_and_prompts_are_not_logged() -> None:
    text = render(dev()).files["conf.d/20-log.conf"]
    for variable in ("$request ", "$request_uri", "$args", "$http_authorization", "$request_body", "$http_cookie"):
        assert variable not in text


@pytest.mark.parametrize(("port", "url"), [(443, "https://localhost"), (8443, "https://localhost:8443")])
def test_the_base_url(port: int, url: str) -> None:
    assert base_url(dev(edge={"httpsPort": port})) == url
