"""What is rendered, read by the real nginx: from settings at their limits too it refuses and warns of nothing."""

import io
import tarfile
from typing import Any

import docker
import pytest

from certificates.__main__ import self_signed
from images import reference
from render.nginx import render
from settings import load
from workloads.places import CERTIFICATES, CONFIG, RUN

LONG_NAME = ".".join(letter * 60 for letter in "abcd")
LONG_ID = "k" * 32
SETTINGS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "without limits": {"rateLimit": "off", "concurrency": "off"},
    "HTTP/2 and TLS 1.3 alone": {"http2": True, "tls": {"profile": "modern"}},
    "a host name of 243 characters": {"hostname": LONG_NAME},
    "a key's id of 32 characters": {"apiKeys": {LONG_ID: {"keys": [], "rate": "5/s", "concurrency": 3}}},
    "three hundred keys": {"apiKeys": {f"k{n}": {"keys": [], "rate": "5/s", "paths": ["/v1/"]} for n in range(300)}},
    "headers of 64 characters": {"requestHeaders": [f"X-{n:02}-{'a' * 59}" for n in range(40)]},
    "paths of 400 characters": {"completionPaths": ["/v1/" + "a" * 396], "webSocketPaths": ["/v1/" + "b" * 396]},
    "the smallest container": {"memory": "16M", "cpus": "0.1"},
    "a large container": {"memory": "8G", "cpus": "64"},
    "pages of any origin": {"cors": {"origins": ["*"]}, "apiKeys": {"app": {"keys": [], "paths": ["/v1/models"]}}},
    "pages of some": {"cors": {"origins": ["https://a.example", "app://desktop"], "credentials": True}},
    "several names and a health check": {
        "hostnames": [f"x.{LONG_NAME}"],
        "healthCheck": "/healthz",
        "keepAlive": "10m",
    },
    "what stands twice": {
        "completionPaths": ["/v1/x", "/v1/x/", "/v1/x"],
        "cors": {"origins": ["https://a.example", "https://a.example"]},
        "requestHeaders": ["X-Tenant", "x-tenant"],
        "webSocketPaths": ["/v1/ws", "/v1/ws"],
        "trustedProxies": ["10.0.0.0/8", "10.0.0.0/8"],
        "methods": ["GET", "GET", "POST"],
    },
    "the longest headers, and several addresses": {"headerLimit": "32k", "bind": ["127.0.0.1", "192.0.2.1", "::1"]},
    "a load balancer in front": {"trustedProxies": ["10.0.0.0/8", "fd00::/8"], "proxyProtocol": True},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_nginx_takes_it(engine: docker.DockerClient, name: str) -> None:
    stack = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    config = render(load("dev", {**stack, "edge": SETTINGS[name]}))
    pair = self_signed("dev", "localhost", "")
    files = {f"{CONFIG}/{path}": text for path, text in config.files.items()}
    files |= {f"{CERTIFICATES}/tls.crt": pair["certificate"], f"{CERTIFICATES}/tls.key": pair["key"]}
    container = engine.containers.create(
        reference("nginx"),
        ["nginx", "-t", "-q", "-c", f"{CONFIG}/nginx.conf"],
        tmpfs={RUN: "uid=101,gid=101"},
        network_mode="none",
    )
    try:
        container.put_archive("/", archive(files))
        container.start()
        code = container.wait()["StatusCode"]
        assert (code, container.logs().decode()) == (0, "")
    finally:
        container.remove(force=True)


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()
