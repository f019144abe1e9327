"""The containers of the monitoring, as plain data."""

import re
from pathlib import Path
from typing import Any, ClassVar

import pulumi
import pytest
import yaml

import components.monitoring
from components.monitoring import logs_are_found
from components.stack_file import read_stack
from render import monitoring
from settings import Settings, SettingsError, load
from workloads import alertmanager, collector, pages, prometheus
from workloads.images import PUBLISHED
from workloads.stack import Stack, stack
from workloads.workload import Workload

OBS = {"alertmanager", "blackbox", "cadvisor", "prometheus"}
"""The services of the monitoring, which `monitoring: off` leaves out."""
ALL = OBS | {"collector", "pages", "victorialogs"}
"""Those of monitoring and logs."""


FAR = {"collector": PUBLISHED["collector"]}
"""The collector that can write to every sink."""


def dev(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    return load("dev", {**base, **values})


def service(name: str, settings: Settings | None = None) -> Workload:
    return next(work for work in stack(settings or dev()).services if work.service == name)


def names(whole: Stack) -> set[str]:
    return {work.service for work in whole.services}


def test_off_leaves_all_of_it_out() -> None:
    assert names(stack(dev())) - names(stack(dev(monitoring="off"))) == OBS
    assert names(stack(dev())) - names(stack(dev(logging="off"))) == {"victorialogs"}
    neither = stack(dev(monitoring="off", logging="off"))
    assert names(stack(dev())) - names(neither) == ALL
    assert not {"obs", "pages"} & set(neither.networks)


@pytest.mark.parametrize("name", sorted(ALL - {"pages"}))
def test_production_has_published_images_by_digest(name: str) -> None:
    assert "@sha256:" in service(name, read_stack("prod")).image


class TestCadvisor:
    def test_nobody_but_the_monitoring_reaches_it(self) -> None:
        """It holds the engine's socket."""
        whole = stack(dev())
        reached = {door.open_to for door in whole.doors if door.to == "cadvisor"}
        assert all(sources <= ALL for sources in reached)
        assert all(found.network == "obs" for found in service("cadvisor").networks)

    def test_it_only_reads(self) -> None:
        work = service("cadvisor")
        assert {found.path for found in work.host_paths} >= {"/var/run", "/sys", "/var/lib/docker"}
        assert work.devices == ("/dev/kmsg",)
        assert work.capabilities.add == ("CAP_SYSLOG",)
        assert work.read_only


MONITORING = Path(__file__).parent.parent.parent / "monitoring"
RUNBOOKS = Path(__file__).parent.parent.parent / "docs" / "runbooks"


EVERY_ALERT: dict[str, Any] = {"OLLAMA_VERSION": "0.35.1", "gpu": "nvidia", "monitoring": {"generate": True}}


def alerts(**values: Any) -> list[dict[str, Any]]:
    """Every alert of a stack, as its rule."""
    settings = dev(**values)
    files = monitoring.render(settings)[prometheus.config(settings).name]
    groups = [
        group for path, text in files.items() if path.startswith("rules/") for group in yaml.safe_load(text)["groups"]
    ]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


class TestAlerts:
    def test_each_has_a_test_of_its_own(self) -> None:
        """What fires and what does not: promtool runs them (tests/integration/test_monitoring_files.py)."""
        tests = "".join(path.read_text() for path in (MONITORING / "tests").iterdir())
        every = {rule["alert"] for rule in alerts(**EVERY_ALERT)}
        tested = {name for name in every if f"alertname: {name}" in tests}
        assert tested | {"TargetMissing"} == every

    def test_each_has_a_runbook_and_each_runbook_an_alert(self) -> None:
        named = {rule["annotations"]["runbook"] for rule in alerts(**EVERY_ALERT)}
        assert named == {f"docs/runbooks/{path.name}" for path in RUNBOOKS.iterdir() if path.name != "README.md"}

    def test_where_the_runbooks_are_is_a_setting(self) -> None:
        (down,) = (
            rule
            for rule in alerts(monitoring={"alerts": {"runbooks": "https://wiki.example/x/"}})
            if rule["alert"] == "OllamaDown"
        )
        assert down["annotations"]["runbook"] == "https://wiki.example/x/OllamaDown.md"

    def test_thresholds_are_settings(self) -> None:
        changed = alerts(
            monitoring={"alerts": {"ollamaDown": "5m", "errorRatio": 0.1, "memoryRatio": 0.8, "firstToken": "9s"}}
        )
        by_name = {rule["alert"]: rule for rule in changed}
        assert by_name["OllamaDown"]["for"] == "300s"
        assert "> 0.1 " in by_name["ApiHighErrorRate"]["expr"]
        assert by_name["ApiSlowFirstToken"]["expr"].endswith("> 9")
        assert by_name["ContainerHighMemory"]["expr"].endswith("> 0.8")

    def test_the_disk_is_measured_without_a_log_store_too(self) -> None:
        for values, metric in (({}, "vl_free_disk"), ({"logging": "off"}, "container_fs_usage_bytes")):
            (rule,) = (rule for rule in alerts(**values) if rule["alert"] == "HostDiskFull")
            assert metric in rule["expr"]

    def test_a_release_is_stuck_when_no_setting_lets_it_go_on(self) -> None:
        slow = {"drainTimeout": "20m", "gateTimeout": "10m", "watch": "1h"}
        (rule,) = (rule for rule in alerts(rollout=slow) if rule["alert"] == "ReleaseStuck")
        assert rule["expr"].endswith(f"> {1800 + (20 + 10 + 60) * 60}")

    def test_a_one_shot_is_no_container_that_has_restarted(self) -> None:
        """Each update starts it again."""
        whole = stack(dev(api={"before": {"command": ["true"]}}))
        one_shots = {work.service for work in whole.workloads if work.one_shot}
        assert len(one_shots) > 1
        for name in ("ContainerRestarted", "ContainerRestartLoop"):
            (rule,) = (rule for rule in alerts() if rule["alert"] == name)
            assert f'service!~"{"|".join(sorted(one_shots, reverse=True))}"' in rule["expr"]


class TestDataRoot:
    """Where the engine keeps its data."""

    def test_collector_and_cadvisor_look_there(self) -> None:
        moved = dev(dockerDataRoot="/data/docker")
        assert [found.host for found in service("collector", moved).host_paths] == ["/data/docker/containers"]
        assert "/data/docker" in {found.path for found in service("cadvisor", moved).host_paths}

    def test_another_than_the_engine_s_is_refused_with_the_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(components.monitoring, "data_root", lambda _: "/data/docker")
        with pytest.raises(pulumi.RunError, match="pulumi config set dockerDataRoot /data/docker"):
            logs_are_found(dev())
        logs_are_found(dev(dockerDataRoot="/data/docker"))
        logs_are_found(dev(monitoring="off", logging="off"))

    @pytest.mark.parametrize("path", ["data", "/", "/data/", "/a:b", "/a b"])
    def test_it_is_a_path_of_the_host(self, path: str) -> None:
        with pytest.raises(SettingsError, match="dockerDataRoot"):
            dev(dockerDataRoot=path)


class TestSecrets:
    KEYS: ClassVar[dict[str, Any]] = {
        "images": FAR,
        "monitoring": {"notify": {"webhook": "http://hook.example/s3cret", "slack": "https://slack.example/s3cret"}},
        "logging": {
            "sinks": {"datadog": {"apiKey": "s3cret"}, "elasticsearch": {"url": "https://a.b", "apiKey": "s3cret"}}
        },
    }

    def test_none_is_in_a_configuration(self) -> None:
        settings = dev(**self.KEYS)
        assert "s3cret" not in str(monitoring.render(settings))
        assert "s3cret" not in str(stack(settings))

    def test_each_is_a_file_that_a_configuration_names(self) -> None:
        settings = dev(**self.KEYS)
        texts = str(monitoring.render(settings))
        files = monitoring.secrets(settings)
        assert {name for found in files.values() for name in found} == {"webhook", "slack", "datadog", "elasticsearch"}
        assert "/run/alertmanager/webhook" in texts
        assert "${file:/run/collector/datadog}" in texts


def collected(settings: Settings) -> dict[str, Any]:
    """The collector's configuration."""
    found: dict[str, Any] = yaml.safe_load(
        monitoring.render(settings)[collector.config(settings).name]["collector.yml"]
    )
    return found


def test_only_streams_have_a_first_token() -> None:
    """The head of an answer that does not stream comes when all of its tokens are there."""
    counted = collected(dev())["connectors"]["signal_to_metrics"]["logs"]
    (first,) = (one for one in counted if one["name"] == "gen_ai.server.time_to_first_token")
    (pattern,) = re.findall(r'"content_type"\], "([^"]+)"\)', first["conditions"][0])
    answered = ("text/event-stream; charset=utf-8", "application/x-ndjson", "application/json", "")
    assert [bool(re.match(pattern, kind)) for kind in answered] == [True, True, False, False]


class TestNotify:
    def test_any_account_is_one_of_yaml_too(self) -> None:
        email = {"to": "a@b.c", "sender": "d@e.f", "host": "mail.example", "user": "CORP\\jim", "password": "s3cret"}
        settings = dev(monitoring={"notify": {"email": email}})
        found = yaml.safe_load(monitoring.render(settings)[alertmanager.config(settings).name]["alertmanager.yml"])
        assert found["global"]["smtp_auth_username"] == "CORP\\jim"
        assert found["global"]["smtp_smarthost"] == "mail.example:587"

    def test_a_probe_that_is_missing_silences_no_alert(self) -> None:
        settings = dev()
        found = yaml.safe_load(monitoring.render(settings)[alertmanager.config(settings).name]["alertmanager.yml"])
        sources = {source for rule in found["inhibit_rules"] for source in [tuple(rule["source_matchers"])]}
        assert {('alertname="OllamaDown"', 'missing=""'), ('alertname="ApiDown"', 'missing=""')} <= sources


class TestSinks:
    def test_several_at_once_get_all_logs(self) -> None:
        settings = dev(
            images=FAR,
            logging={"sinks": {"otlp": {"url": "https://a.b/v1/logs"}, "elasticsearch": {"url": "https://c.d"}}},
        )
        found = yaml.safe_load(monitoring.render(settings)[collector.config(settings).name]["collector.yml"])
        assert found["service"]["pipelines"]["logs"]["exporters"] == [
            "otlp_http/victorialogs",
            "elasticsearch",
            "otlp_http/otlp",
            "signal_to_metrics",
        ]

    def test_each_keeps_what_it_could_not_deliver_on_the_disk(self) -> None:
        sinks = {"datadog": {"apiKey": "k"}, "elasticsearch": {"url": "https://c.d"}}
        settings = dev(images=FAR, logging={"sinks": sinks})
        found = yaml.safe_load(monitoring.render(settings)[collector.config(settings).name]["collector.yml"])
        queues = [part["sending_queue"] for name, part in found["exporters"].items() if name != "prometheus"]
        assert [queue["storage"] for queue in queues] == ["file_storage"] * 3

    @pytest.mark.parametrize("sink", [{"datadog": {"apiKey": "k"}}, {"elasticsearch": {"url": "https://c.d"}}], ids=min)
    def test_one_that_the_collector_cannot_write_to_is_refused(self, sink: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match=f"logging.sinks.{min(sink)}: the collector .* set images.collector"):
            dev(logging={"sinks": sink})

    def test_one_that_is_full_holds_up_neither_the_others_nor_the_count_of_requests(self) -> None:
        """A receiver waits as long as a queue blocks, and reads again for all of them what one of them has refused."""
        sinks = {"elasticsearch": {"url": "https://c.d"}, "otlp": {"url": "https://a.b/v1/logs"}}
        found = collected(dev(images=FAR, logging={"sinks": sinks}))
        queues = [found["exporters"][name]["sending_queue"] for name in ("elasticsearch", "otlp_http/otlp")]
        assert [queue["block_on_overflow"] for queue in queues] == [False, False]
        assert "retry_on_failure" not in found["receivers"]["file_log"]

    @pytest.mark.parametrize("off", ["monitoring", "logging"])
    def test_nothing_is_read_for_nobody(self, off: str) -> None:
        found = collected(dev(**{off: "off"}))
        asked = {name for part in found["service"]["pipelines"].values() for name in part["receivers"]}
        assert {name for name in found["receivers"] if name != "file_log/rollout"} <= asked

    def test_elasticsearch_gets_again_what_it_had_no_time_for(self) -> None:
        """By default the collector drops what is answered with a 5xx."""
        sink = collected(dev(images=FAR, logging={"sinks": {"elasticsearch": {"url": "https://c.d"}}}))
        assert sink["exporters"]["elasticsearch"]["retry"]["retry_on_status"] == [429, 500, 502, 503, 504]

    def test_elasticsearch_needs_no_data_stream(self) -> None:
        """The exporter takes the first mode that is allowed, and asks for a data stream in the modes otel and ecs."""
        sink = collected(dev(images=FAR, logging={"sinks": {"elasticsearch": {"url": "https://c.d"}}}))
        assert sink["exporters"]["elasticsearch"]["mapping"] == {"allowed_modes": ["raw"]}

    def test_any_text_arrives_as_it_is_written(self) -> None:
        sinks = {
            "elasticsearch": {"url": "https://c.d/?a={b}", "index": "a: #b"},
            "datadog": {"apiKey": "k", "site": "[x"},
        }
        found = collected(dev(images=FAR, logging={"sinks": sinks}))["exporters"]
        assert found["elasticsearch"]["endpoints"] == ["https://c.d/?a={b}"]
        assert found["elasticsearch"]["logs_index"] == "a: #b"
        assert found["datadog"]["api"]["site"] == "[x"

    def test_a_dollar_is_no_variable_of_the_collector(self) -> None:
        sinks = {"elasticsearch": {"url": "https://c.d", "index": "${env:HOME}"}}
        found = collected(dev(images=FAR, logging={"sinks": sinks}))["exporters"]
        assert found["elasticsearch"]["logs_index"] == "$${env:HOME}"

    @pytest.mark.parametrize("sink", ["elasticsearch", "otlp"])
    def test_a_login_in_its_url_is_refused_and_not_shown(self, sink: str) -> None:
        with pytest.raises(SettingsError, match=f"logging.sinks.{sink}.url.* has a user or a password") as refused:
            dev(images=FAR, logging={"sinks": {sink: {"url": "https://me:s3cret@c.d/x"}}})
        assert "s3cret" not in str(refused.value)

    def test_only_a_far_sink_gives_the_collector_a_way_out(self) -> None:
        assert [found.network for found in service("collector").networks] == ["obs"]
        far = dev(logging={"sinks": {"otlp": {"url": "https://a.b/v1/logs"}}})
        assert [found.network for found in service("collector", far).networks] == ["obs", "egress"]


def test_a_proxy_protocol_edge_is_not_probed() -> None:
    """The probe does not speak it."""
    settings = dev(edge={"proxyProtocol": True, "trustedProxies": ["10.0.0.0/8"]})
    text = monitoring.render(settings)[prometheus.config(settings).name]["prometheus.yml"]
    assert {job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]} >= {"ollama", "api", "cadvisor"}
    assert "job_name: edge" not in text


def test_the_pages_have_urls() -> None:
    assert pages.endpoints(dev()) == {
        "status": "http://127.0.0.1:9080/",
        "prometheus": "http://127.0.0.1:9080/prometheus/",
        "alertmanager": "http://127.0.0.1:9080/alertmanager/",
        "logs": "http://127.0.0.1:9080/logs/select/vmui/",
    }
    assert set(pages.endpoints(dev(monitoring="off"))) == {"logs"}
    assert pages.endpoints(dev(monitoring="off", logging="off")) == {}
