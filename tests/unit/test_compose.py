"""The rendered compose file: current, the specification's, and made from the one list."""

from typing import Any

import pytest
import yaml

from components.stack_file import read_stack
from ops import compose
from render import monitoring
from render.compose import compose as rendered
from settings import Settings, load
from tests.unit import test_workloads
from workloads import stack as the_list
from workloads.stack import stack


@pytest.fixture(scope="module")
def prod() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose.text("prod"))
    return found


def environment(service: dict[str, Any]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in service["environment"])


def test_the_file_is_current() -> None:
    assert compose.file("prod").read_text() == compose.text("prod"), "run `make compose`"


def test_the_model_server_is_that_of_the_specification(prod: dict[str, Any]) -> None:
    ollama = prod["services"]["ollama"]
    assert ollama["container_name"] == "prod-ollama"
    assert ollama["image"].startswith("ollama/ollama:${OLLAMA_VERSION:-")
    assert "ollama_data:/root/.ollama" in ollama["volumes"]
    assert (
        environment(ollama).items()
        >= {
            "OLLAMA_HOST": "0.0.0.0:11434",
            "OLLAMA_MAX_LOADED_MODELS": "${OLLAMA_MAX_LOADED_MODELS:-3}",
            "OLLAMA_NUM_PARALLEL": "${OLLAMA_NUM_PARALLEL:-1}",
        }.items()
    )
    assert "OLLAMA_MODELS" not in environment(ollama)  # there, it would be a directory
    assert ollama["healthcheck"] == {
        "test": ["CMD", "ollama", "list"],
        "interval": "30s",
        "timeout": "10s",
        "retries": 5,
        "start_period": "120s",
    }
    assert ollama["restart"] == "unless-stopped"
    resources = ollama["deploy"]["resources"]
    assert resources["limits"]["memory"] == "${OLLAMA_MEMORY_LIMIT:-8G}" == ollama["memswap_limit"]
    assert resources["reservations"] == {"memory": "${OLLAMA_MEMORY_RESERVATION:-4G}"}


def test_the_api_is_that_of_the_specification(prod: dict[str, Any]) -> None:
    api = prod["services"]["api"]
    assert api["image"] == "my-registry/orca-agents:${IMAGE_TAG:-1.0.0}"
    assert api["depends_on"]["ollama"] == {"condition": "service_healthy"}
    assert environment(api)["OLLAMA_BASE_URL"] == "http://ollama:11434"
    assert api["restart"] == "unless-stopped"


def test_models_networks_and_volumes_have_the_names_of_the_specification(prod: dict[str, Any]) -> None:
    init = prod["services"]["ollama-init"]
    assert environment(init)["MODELS_TO_PULL"] == "${OLLAMA_MODELS:-llama3.1:8b}"
    assert prod["networks"]["app-network"]["driver"] == "bridge"
    assert prod["volumes"]["ollama_data"] == {"name": "prod-ollama_data"}  # that of the stack: its models stay


def test_one_colour_behind_the_edge(prod: dict[str, Any]) -> None:
    assert [name for name in prod["services"] if name.startswith("api")] == ["api"]
    assert prod["services"]["nginx"]["depends_on"].keys() == {"files", "api"}


def test_every_replica_is_a_service() -> None:
    settings = read_stack("prod")
    three = settings.model_copy(update={"api": settings.api.model_copy(update={"replicas": 3})})
    found = yaml.safe_load(rendered(three, stack(three)))["services"]
    assert [name for name in found if name.startswith("api")] == ["api", "api-2", "api-3"]
    assert found["nginx"]["depends_on"].keys() == {"files", "api", "api-2", "api-3"}


def test_no_text_loses_a_dollar(prod: dict[str, Any]) -> None:
    """Compose replaces $NAME: in the configuration of nginx and in scripts only $$ is a $."""
    for place in (*(config["content"] for config in prod["configs"].values()), *prod["services"]["nginx"]["command"]):
        assert "$" not in place.replace("$$", "")


def test_a_workload_that_is_added_to_the_list_is_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_list, "SERVICES", {**the_list.SERVICES, "echo": test_workloads.TestTheList.echo})
    assert yaml.safe_load(compose.text("prod"))["services"]["echo"]["container_name"] == "prod-echo"


def _settings(**more: Any) -> Settings:
    values = {
        "profile": "development",
        "OLLAMA_VERSION": "local",
        "IMAGE_TAG": "local",
        "OLLAMA_MODELS": ["a:1", "b:2"],
    }
    return load("dev", values | more)


def test_images_of_this_machine_have_no_variable() -> None:
    settings = _settings()
    text = rendered(settings, stack(settings))
    assert "OLLAMA_VERSION:-" not in text
    assert "/ollama:local" not in text
    assert "MODELS_TO_PULL=${OLLAMA_MODELS:-a:1 b:2}" in text


@pytest.mark.parametrize(("keys", "wanted"), [("off", False), ({"app": {"keys": []}}, True)])
def test_an_api_key_is_asked_for_where_the_edge_needs_one(keys: Any, wanted: bool) -> None:
    settings = _settings(edge={"apiKeys": keys})
    found = yaml.safe_load(rendered(settings, stack(settings)))
    assert ("api_key" in found["secrets"]) is wanted
    assert ("api_key" in found["services"]["files"]["secrets"]) is wanted


class TestMonitoring:
    def test_every_file_that_it_reads_is_laid_into_its_volume(self) -> None:
        """All that is rendered, Grafana's too: a container whose configuration is away does not start."""
        settings = _settings(monitoring={"grafana": True})
        found = yaml.safe_load(rendered(settings, stack(settings)))
        laid = {
            config["target"]: found["configs"][config["source"]] for config in found["services"]["files"]["configs"]
        }
        for volume, files in monitoring.render(settings).items():
            for path, text in files.items():
                content = laid[f"/files/{volume.removeprefix('dev-')}/{path}"]["content"]
                assert content.replace("$$", "$") == text, path

    def test_another_configuration_recreates_what_reads_it_once(self) -> None:
        def labels(**values: Any) -> dict[str, str]:
            settings = _settings(monitoring=values)
            found = yaml.safe_load(rendered(settings, stack(settings)))["services"]
            return {name: service.get("labels", {}).get("orca.files", "") for name, service in found.items()}

        before, after = labels(), labels(alerts={"errorRatio": 0.1})
        assert {name for name in before if before[name] != after[name]} == {"prometheus"}

    def test_what_it_reads_of_the_host(self, prod: dict[str, Any]) -> None:
        assert "/var/lib/docker/containers:/var/lib/docker/containers:ro" in prod["services"]["collector"]["volumes"]
        assert "/var/run:/var/run:ro" in prod["services"]["cadvisor"]["volumes"]
        assert prod["services"]["cadvisor"]["devices"] == ["/dev/kmsg:/dev/kmsg"]

    def test_secrets_of_receivers_are_files_from_variables(self) -> None:
        settings = _settings(monitoring={"notify": {"slack": "https://slack.example/s3cret"}})
        text = rendered(settings, stack(settings))
        found = yaml.safe_load(text)
        assert found["secrets"]["alertmanager-secrets-slack"] == {"environment": "ALERTMANAGER_SECRETS_SLACK"}
        assert "cp /run/secrets/alertmanager-secrets-slack /volumes/alertmanager-secrets/slack\n" in text
        assert "# - ALERTMANAGER_SECRETS_SLACK: secrets of receivers" in text
        assert "s3cret" not in text

    def test_secrets_that_pulumi_alone_can_read_are_asked_for_too(self) -> None:
        """`make compose` reads the stack's file, where a Pulumi secret is ciphertext."""
        sealed = {"secure": "v1:AAAA"}
        settings = _settings(
            monitoring={"notify": {"slack": sealed}},
            logging={"sinks": {"otlp": {"url": "https://logs.example", "authorization": sealed}}},
            models={"proxy": "http://proxy.example:3128", "proxyLogin": sealed},
        )
        text = rendered(settings, stack(settings))
        found = {name for name, given in yaml.safe_load(text)["secrets"].items() if "environment" in given}
        assert found == {"alertmanager-secrets-slack", "collector-secrets-otlp", "proxy-login"}
        assert "api_url_file: /run/alertmanager/slack" in text
        assert 'Authorization: "$${file:/run/collector/otlp}"' in text


@pytest.mark.parametrize(
    ("devices", "which"),
    [([], {"count": "all"}), (["0", "1"], {"device_ids": ["0", "1"]})],
)
def test_gpus_of_nvidia_are_reserved(devices: list[str], which: dict[str, Any]) -> None:
    settings = _settings(OLLAMA_VERSION="0.35.1", gpu="nvidia", gpuDevices=devices)
    ollama = yaml.safe_load(rendered(settings, stack(settings)))["services"]["ollama"]
    (reserved,) = ollama["deploy"]["resources"]["reservations"]["devices"]
    assert reserved == {"driver": "nvidia", **which, "capabilities": ["gpu"]}


def test_gpus_of_amd_are_devices() -> None:
    settings = _settings(OLLAMA_VERSION="0.35.1-rocm", gpu="amd")
    ollama = yaml.safe_load(rendered(settings, stack(settings)))["services"]["ollama"]
    assert ollama["devices"] == ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"]
