"""Every setting says what it means and what a change of it does, and the change does that."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import SecretStr

from certificates.self_signed import authority
from render import nginx
from settings import Settings, load
from settings.references import references
from settings.schema import Leaf, leaves
from stores.fetch import fetch
from workloads import api, edge, ollama
from workloads.images import PUBLISHED
from workloads.network import networks
from workloads.workload import Workload

DIGEST = "sha256:" + "ab" * 32
KEY = "0123456789abcdef" * 2
BASE: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "1",
    "OLLAMA_MODELS": ["a:1", "registry:5000/ns/b:1"],
    "IMAGE_TAG": "1",
    "gpu": "nvidia",
    "images": {"collector": PUBLISHED["collector"]},
    "models": {"proxy": "http://other.example:3128"},
    "edge": {
        "apiKeys": {"app": {"keys": [SecretStr(KEY)]}},
        "trustedProxies": ["192.0.2.0/24"],
        "cors": {"origins": ["https://b.example"]},
        "tls": {"acme": {"email": "a@example.com"}},
    },
    "api": {
        "before": {"command": ["upgrade", "head"]},
        "secrets": {
            "BY_PULUMI": {"from": "pulumi", "key": "app"},
            "BY_DOPPLER": {"from": "doppler", "key": "A"},
            "BY_AWS": {"from": "aws", "key": "a"},
            "BY_VAULT": {"from": "vault", "key": "a#b", "as": "env"},
        },
    },
    "secrets": {
        "releaseKey": SecretStr(KEY),
        "pulumi": {"app": SecretStr("value")},
        "vault": {"address": "https://vault.example", "appRole": {"roleId": "a"}},
    },
    "monitoring": {
        "grafana": True,
        "notify": {"email": {"to": "a@example.com", "sender": "b@example.com", "host": "mail.example.com"}},
    },
    "logging": {
        "sinks": {
            "elasticsearch": {"url": "https://es.example"},
            "datadog": {"apiKey": {"from": "file", "key": "datadog"}},
            "otlp": {"url": "https://otlp.example"},
        }
    },
}
CHANGED: dict[str, Any] = {
    "profile": "production",
    "OLLAMA_VERSION": f"2@{DIGEST}",
    "OLLAMA_MODELS": ["b:1"],
    "OLLAMA_MEMORY_LIMIT": "16G",
    "OLLAMA_MEMORY_RESERVATION": "1G",
    "OLLAMA_MAX_LOADED_MODELS": 5,
    "OLLAMA_NUM_PARALLEL": 5,
    "IMAGE_TAG": "2",
    "dockerHost": "ssh://root@192.0.2.1",
    "dockerDataRoot": "/data/docker",
    "gpu": "amd",
    "gpuDevices": ["1"],
    "ollama.cpus": "2",
    "ollama.keepAlive": "-1",
    "ollama.maxQueue": 64,
    "ollama.flashAttention": True,
    "ollama.kvCacheType": "q8_0",
    "ollama.loadTimeout": "10m",
    "ollama.origins": ["https://b.example"],
    "ollama.debug": True,
    "ollama.promptCache": "64M",
    "ollama.env": {"OLLAMA_SCHED_SPREAD": "1"},
    "ollama.preload": "all",
    "ollama.prune": True,
    "ollama.contextLength": 8192,
    "ollama.pids": 600,
    "models.mirror": "http://mirror.example",
    "models.plainHttp": ["registry:5000"],
    "models.proxy": "http://proxy.example:3128",
    "models.proxyLogin": "j:k",
    "models.noProxy": ["registry.example"],
    "models.ca": authority("x").certificate,
    "models.keep": False,
    "api.image": "other/api",
    "api.port": 8001,
    "api.readiness": "/ready",
    "api.paths": ["/v1/", "/v2/"],
    "api.smoke": "off",
    "api.before": "off",
    "api.before.command": ["migrate"],
    "api.before.timeout": "5s",
    "api.smoke.method": "GET",
    "api.smoke.path": "/v1/models",
    "api.smoke.body": "{}",
    "api.smoke.expect": "ok",
    "api.smoke.timeout": "5s",
    "api.marksStreams": True,
    "api.keepAlive": "5s",
    "api.env": {"A": "b"},
    "api.secrets": {
        name: {"from": name.removeprefix("BY_").lower(), "key": "app" if name == "BY_PULUMI" else "b#b"}
        for name in ("BY_PULUMI", "BY_DOPPLER", "BY_AWS", "BY_VAULT")
    },
    "secrets.releaseKey": KEY[::-1],
    "secrets.onPreview": "placeholder",
    "secrets.timeout": "5s",
    "secrets.doppler.project": "p",
    "secrets.doppler.config": "prd",
    "secrets.doppler.token": "t",
    "secrets.doppler.url": "https://doppler.example",
    "secrets.aws.region": "eu-west-1",
    "secrets.aws.endpoint": "https://aws.example",
    "secrets.vault": {"address": "https://other.example"},
    "secrets.vault.address": "https://other.example",
    "secrets.vault.mount": "kv",
    "secrets.vault.namespace": "team",
    "secrets.vault.token": "t",
    "secrets.vault.appRole": None,
    "secrets.vault.appRole.roleId": "b",
    "secrets.vault.appRole.secretId": "s",
    "secrets.vault.appRole.mount": "machines",
    "secrets.pulumi": {"app": "another"},
    "api.replicas": 2,
    "api.egress": False,
    "api.user": "5:5",
    "api.memory": "1G",
    "api.cpus": "2",
    "api.pids": 300,
    "api.drain": "5s",
    "edge.hostname": "other.example",
    "edge.hostnames": ["other.example"],
    "edge.bind": ["127.0.0.1", "::1"],
    "edge.httpPort": 81,
    "edge.httpsPort": 444,
    "edge.tls.profile": "modern",
    "edge.http2": True,
    "edge.tls.acme": None,
    "edge.tls.acme.email": "b@example.com",
    "edge.tls.acme.directory": "https://ca.example/dir",
    "edge.tls.acme.authority": authority("x").certificate,
    "edge.tls.acme.renew": 20,
    "edge.apiKeys": "off",
    "edge.apiKeys.<id>.keys": [KEY[::-1]],
    "edge.apiKeys.<id>.paths": ["/v1/"],
    "edge.apiKeys.<id>.rate": "7/s",
    "edge.apiKeys.<id>.concurrency": 7,
    "edge.rateLimit": "off",
    "edge.concurrency": "off",
    "edge.completionPaths": ["/v1/x"],
    "edge.webSocketPaths": ["/v1/ws"],
    "edge.methods": ["GET"],
    "edge.requestHeaders": ["X-Tenant"],
    "edge.headerLimit": "16k",
    "edge.trustedProxies": ["10.0.0.0/8"],
    "edge.proxyProtocol": True,
    "edge.cors": {"origins": ["*"]},
    "edge.cors.origins": ["https://a.example"],
    "edge.cors.credentials": True,
    "edge.cors.maxAge": "5s",
    "edge.healthCheck": "/healthz",
    "edge.keepAlive": "10m",
    "edge.concurrency.bodies.address": 3,
    "edge.concurrency.bodies.server": 3,
    "edge.bodyLimit": "1M",
    "edge.readTimeout": "5s",
    "edge.memory": "1G",
    "edge.cpus": "2",
    "edge.pids": 200,
    "network.cidr": "10.99.0.0/20",
    "rollout.drainTimeout": "5s",
    "rollout.gatePasses": 5,
    "rollout.gateTimeout": "5s",
    "rollout.watch": "5s",
    "rollout.errorRatio": 0.5,
    "rollout.promote": "manual",
    "rollout.previewKey": "k" * 24,
    "images.ollama": "other/ollama",
    "images.nginx": f"nginx:1@{DIGEST}",
    "images.lego": f"lego:4@{DIGEST}",
    **{
        f"images.{name}": f"{name}:1@{DIGEST}"
        for name in ("prometheus", "alertmanager", "blackbox", "cadvisor", "collector", "victorialogs", "grafana")
    },
    "monitoring": "off",
    "monitoring.interval": "30s",
    "monitoring.retentionDays": 3,
    "monitoring.memory": "1G",
    "monitoring.generate": True,
    "monitoring.grafana": False,
    "monitoring.alerts.ollamaDown": "5m",
    "monitoring.alerts.errorRatio": 0.1,
    "monitoring.alerts.firstToken": "20s",
    "monitoring.alerts.memoryRatio": 0.8,
    "monitoring.alerts.cpuRatio": 0.8,
    "monitoring.alerts.diskRatio": 0.8,
    "monitoring.alerts.certificateDays": 30,
    "monitoring.alerts.hold": "1m",
    "monitoring.alerts.runbooks": "https://wiki.example/runbooks",
    "monitoring.notify.webhook": "https://hooks.example/x",
    "monitoring.notify.slack": "https://slack.example/x",
    "monitoring.notify.pagerduty": "abc",
    "monitoring.notify.heartbeat": "https://beat.example/x",
    "monitoring.notify.email.to": "c@example.com",
    "monitoring.notify.email.sender": "d@example.com",
    "monitoring.notify.email.host": "mail2.example.com",
    "monitoring.notify.email.port": 25,
    "monitoring.notify.email.user": "e",
    "monitoring.notify.email.password": "f",
    "logging": "off",
    "logging.memory": "1G",
    "logging.cpus": "1",
    "logging.sinks.victorialogs": "off",
    "logging.sinks.victorialogs.retentionDays": 3,
    "logging.sinks.victorialogs.disk": "1G",
    "logging.sinks.victorialogs.memory": "1G",
    "logging.sinks.elasticsearch.url": "https://es2.example",
    "logging.sinks.elasticsearch.index": "other",
    "logging.sinks.elasticsearch.apiKey": "g",
    "logging.sinks.datadog.site": "datadoghq.eu",
    "logging.sinks.datadog.apiKey": "h",
    "logging.sinks.datadog.url": "https://dd.example",
    "logging.sinks.otlp.url": "https://otlp2.example/v1/logs",
    "logging.sinks.otlp.authorization": "i",
    "pages.port": 9081,
    **{
        f"edge.{kind}.{which}{who}": value
        for kind, value in (("rateLimit", "3/s"), ("concurrency", 3))
        for which in ("", "completions.")
        for who in ("address", "key", "server")
    },
}
# Certificates are no part of the rendered configuration: the edge reloads when their files change
# (tests/integration/test_edge_certificates.py).
FILES = {"edge.tls.certificate", "edge.tls.key", "edge.tls.certificateFile", "edge.tls.keyFile"}
LEAVES = list(leaves())


def configuration(key: str) -> dict[str, Any]:
    """What the change of `key` begins with: for a production stack, all images are pinned."""
    pinned = {
        "OLLAMA_VERSION": f"1@{DIGEST}",
        "images": BASE["images"] | {"nginx": f"nginx:1@{DIGEST}", "lego": f"lego:4@{DIGEST}"},
    }
    return BASE | (pinned if key == "profile" else {})


def changed(key: str) -> dict[str, Any]:
    """The same with another value for `key`."""
    at = data = configuration(key)
    *groups, last = key.replace("<id>", "app").split(".")
    for group in groups:
        at[group] = dict(at.get(group, {}))
        at = at[group]
    at[last] = CHANGED[key]
    if key == "secrets.vault.token":  # one login excludes the other
        at["appRole"] = None
    return data


def with_values(config: dict[str, Any]) -> Settings:
    """The settings as the program has them: with a value of every secret. That of a store is its key."""
    settings = load("x", config)
    found = dict.fromkeys(reference for _, reference in references(settings))
    own = fetch(settings.secrets, [reference for reference in found if reference.store == "pulumi"]).values
    return load("x", config, {reference: own.get(reference, SecretStr(reference.key)) for reference in found})


def without_pids(workload: Workload) -> Workload:
    """A container without what a step can change while it runs (engine/ready.py)."""
    return replace(workload, resources=replace(workload.resources, pids=0))


TOUCHED: dict[str, Callable[[Settings], object]] = {
    "reload": lambda settings: nginx.render(settings).id,
    "release": api.current_release,
    "restart: ollama": lambda settings: without_pids(ollama.server(settings)),
    "restart: edge": lambda settings: without_pids(edge.server(settings)),
    "rebuild": lambda settings: (networks(settings), settings.docker_host),
}
# A release and a restart may also need another configuration of the edge; with other networks all is made anew.
ALSO = {"release": {"reload"}, "restart: edge": {"reload"}, "rebuild": set(TOUCHED) - {"rebuild"}}


def test_every_setting_has_a_meaning() -> None:
    for leaf in LEAVES:
        assert len(leaf.description) > 8, leaf.key
        assert leaf.description[0].islower() or leaf.description.split()[0] in ("CPU", "PEM", "URL", "Mozilla's"), (
            leaf.key
        )
        assert not leaf.description.endswith("."), leaf.key
    assert len({leaf.key for leaf in LEAVES}) == len(LEAVES)


def test_every_setting_is_tried() -> None:
    assert {leaf.key for leaf in LEAVES} == set(CHANGED) | FILES


@cache
def before(production: bool) -> tuple[Settings, dict[str, object]]:
    """The settings before a change, and what is made of them."""
    settings = with_values(configuration("profile" if production else ""))
    return settings, made(settings)


def made(settings: Settings) -> dict[str, object]:
    return {effect: part(settings) for effect, part in TOUCHED.items()}


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf.key not in FILES], ids=lambda leaf: leaf.key)
def test_a_change_does_what_the_setting_says(leaf: Leaf) -> None:
    settings, parts = before(leaf.key == "profile")
    after = with_values(changed(leaf.key))
    assert after != settings
    touched = {effect for effect, part in made(after).items() if part != parts[effect]}
    expected = set() if leaf.effect == "none" else {leaf.effect}
    assert touched - ALSO.get(leaf.effect, set()) == expected


def test_defaults_are_in_the_list() -> None:
    by_key = {leaf.key: leaf for leaf in LEAVES}
    assert by_key["network.cidr"].default == IPv4Network("10.77.0.0/20")
    assert by_key["IMAGE_TAG"].required
    assert by_key["api.env"].default == {}
    assert [leaf.key for leaf in LEAVES if leaf.secret] == [
        "models.proxyLogin",
        "api.secrets",
        "edge.tls.certificate",
        "edge.tls.key",
        "edge.apiKeys.<id>.keys",
        "rollout.previewKey",
        "monitoring.notify.webhook",
        "monitoring.notify.slack",
        "monitoring.notify.pagerduty",
        "monitoring.notify.email.password",
        "monitoring.notify.heartbeat",
        "logging.sinks.elasticsearch.apiKey",
        "logging.sinks.datadog.apiKey",
        "logging.sinks.otlp.authorization",
        "secrets.releaseKey",
        "secrets.doppler.token",
        "secrets.vault.token",
        "secrets.vault.appRole.secretId",
        "secrets.pulumi",
    ]
