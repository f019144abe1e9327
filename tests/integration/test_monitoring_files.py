"""The files of the monitoring, judged by the programs that read them, in the images that run them."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from render import monitoring
from settings import Settings, load
from settings.scalars import known
from tests.unit import test_dashboards as dashboards
from tools.lab.place import own
from workloads import alertmanager, blackbox, collector, images, pages, prometheus

TESTS = Path(__file__).parent.parent.parent / "monitoring" / "tests"
BASE: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "IMAGE_TAG": "local",
    "OLLAMA_MODELS": ["tiny:1", "other:2"],
}
EVERYTHING: dict[str, Any] = {
    "OLLAMA_VERSION": "0.35.1",
    "gpu": "nvidia",
    "monitoring": {
        "generate": True,
        "grafana": True,
        "notify": {
            "webhook": "http://hooks.example/x",
            "slack": "https://slack.example/x",
            "pagerduty": "key",
            "heartbeat": "http://beat.example/x",
            "email": {
                "to": "a@example.com",
                "sender": "b@example.com",
                "host": "mail.example",
                "user": "c",
                "password": "d",
            },
        },
    },
    "logging": {"sinks": {"otlp": {"url": "http://otlp.example/v1/logs", "authorization": "Bearer x"}}},
}


@pytest.fixture(params=[{}, EVERYTHING], ids=["default", "everything"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return load("dev", {**BASE, **request.param})


class Judge:
    """Runs a program of an image on files, which it finds below /judged."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self._engine = engine

    def __call__(self, image: str, files: Mapping[str, str], *command: str) -> str:
        made = self._engine.containers.create(
            image, list(command[1:]), entrypoint=[command[0]], name=own("mon-judge"), network_mode="none", user="0:0"
        )
        try:
            made.put_archive("/", _archive(files))
            made.start()
            code = made.wait(timeout=120)["StatusCode"]
            said = made.logs().decode()
        finally:
            made.remove(force=True)
        assert code == 0, said
        return said


def _archive(files: Mapping[str, str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"judged/{path}")
            info.size, info.mode = len(text.encode()), 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    return held.getvalue()


@pytest.fixture
def judge(engine: docker.DockerClient) -> Judge:
    return Judge(engine)


def test_prometheus_takes_its_configuration_and_rules(judge: Judge, settings: Settings) -> None:
    files = monitoring.render(settings)[prometheus.config(settings).name]
    said = judge(
        images.prometheus(settings), files, "promtool", "check", "config", "--lint-fatal", "/judged/prometheus.yml"
    )
    assert said.count(" rules found") == len(files) - 1


def test_every_alert_fires_and_does_not_fire_as_it_should(judge: Judge) -> None:
    settings = load("dev", {**BASE, **EVERYTHING})
    files = dict(monitoring.render(settings)[prometheus.config(settings).name])
    tests = {path.name: path.read_text() for path in TESTS.iterdir()}
    assert len(tests) == 5
    said = judge(
        images.prometheus(settings), files | tests, "promtool", "test", "rules", *(f"/judged/{name}" for name in tests)
    )
    assert said.count("SUCCESS") == len(tests)


def test_prometheus_reads_every_query_of_the_dashboards(judge: Judge) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(dashboards.queries())]
    text = yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]})
    image = images.prometheus(load("dev", BASE))
    said = judge(image, {"queries.yml": text}, "promtool", "check", "rules", "/judged/queries.yml")
    assert f"{len(rules)} rules found" in said


def test_alertmanager_takes_its_configuration(judge: Judge, settings: Settings) -> None:
    files = monitoring.render(settings)[alertmanager.config(settings).name]
    said = judge(images.alertmanager(settings), files, "amtool", "check-config", "/judged/alertmanager.yml")
    assert "2 receivers" in said


def test_the_blackbox_exporter_takes_its_probes(judge: Judge, settings: Settings) -> None:
    files = monitoring.render(settings)[blackbox.config(settings).name]
    judge(images.blackbox(settings), files, "blackbox_exporter", "--config.check", "--config.file=/judged/blackbox.yml")


def test_the_collector_takes_its_configuration(judge: Judge, settings: Settings) -> None:
    files = dict(monitoring.render(settings)[collector.config(settings).name])
    secret = monitoring.secrets(settings)[collector.secrets(settings).name]
    keys = {name: known(value) or "" for name, value in secret.items()}
    files["collector.yml"] = files["collector.yml"].replace(f"{collector.SECRETS}/", "/judged/")
    command = ("/otelcol-contrib", "validate", "--config=/judged/collector.yml")
    judge(images.collector(settings), {**files, **keys}, *command)


def test_nginx_takes_the_pages(judge: Judge, settings: Settings) -> None:
    files = dict(monitoring.render(settings)[pages.config(settings).name])
    files["nginx.conf"] = files["nginx.conf"].replace(pages.listen(settings), "127.0.0.1")  # the judge has no other
    judge(images.nginx(settings), files, "nginx", "-t", "-c", "/judged/nginx.conf")
