"""The dashboards of Grafana, as files: every query asks for a metric that the stack has.

promtool reads the queries in tests/integration/test_monitoring_files.py, and tests/integration/test_monitoring.py looks
for their metrics in a running stack.
"""

import configparser
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from render import monitoring
from rollout import report
from rollout.journal import Flip, Journal, Rejection
from settings import Settings, load
from tools.lab.project import ROOT
from workloads import collector, grafana, images, pages, prometheus
from workloads.stack import stack

DASHBOARDS = {path.name: json.loads(path.read_text()) for path in (ROOT / "monitoring" / "dashboards").iterdir()}
PANELS = [
    pytest.param(panel, id=f"{name.removesuffix('.json')}-{panel['id']}")
    for name, board in DASHBOARDS.items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
OTHERS = {
    "prometheus": {"up", "ALERTS"},
    "blackbox": {"probe_success", "probe_duration_seconds", "probe_ssl_earliest_cert_expiry"},
    "cadvisor": {
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "container_oom_events_total",
        "container_spec_cpu_period",
        "container_spec_cpu_quota",
        "container_spec_memory_limit_bytes",
        "container_start_time_seconds",
    },
    "victorialogs": {"vl_free_disk_space_bytes", "vl_total_disk_space_bytes"},
    "collector": {"otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity"},
}
"""The metrics of programs that are not this project's, by program; as the rules of alerts name them too."""
_GROUPING = r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
_OPERATORS = {"and", "or", "unless", "bool", "offset"}


def settings(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    return load("dev", {**base, "monitoring": {"grafana": True, "generate": True}, **values})


def queries() -> Iterator[str]:
    """Every query of the dashboards, with a time in place of Grafana's variable."""
    for board in DASHBOARDS.values():
        asked = [found["target"]["expr"] for found in board["annotations"]["list"]]
        asked += [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
        yield from (query.replace("$__rate_interval", "5m") for query in asked)


def names(query: str) -> set[str]:
    """The metrics that a query names: what is no function, label, text, time or operator."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(_GROUPING, "", re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare))
    return set(re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - _OPERATORS


def counted() -> set[str]:
    """What the collector derives from logs, by the names that Prometheus gives it. Each begins with its first event."""
    text = monitoring.render(settings())[collector.config(settings()).name]["collector.yml"]
    found = set()
    for metric in yaml.safe_load(text)["connectors"]["signal_to_metrics"]["logs"]:
        name = metric["name"].replace(".", "_") + ("_seconds" if metric.get("unit") == "s" else "")
        ends = ("_total",) if "sum" in metric else ("_bucket", "_sum", "_count")
        found |= {name + end for end in ends}
    return found


def recorded() -> set[str]:
    files = monitoring.render(settings())[prometheus.config(settings()).name]
    groups = yaml.safe_load(files["rules/recording.yml"])["groups"]
    return {rule["record"] for group in groups for rule in group["rules"]}


def released() -> set[str]:
    """What the rollout writes of a stack that has flipped and rejected."""
    at = "2026-01-01T00:00:00Z"
    flip = Flip(at=at, source="blue", to="green", release="a", reason="x", ms=1)
    rejection = Rejection(release="b", at=at, reason="x")
    text = report.metrics(Journal(updated=at, releases={"blue": "a"}, flips=(flip,), rejected=(rejection,)))
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}


class TestDashboards:
    def test_there_are_two_with_names_of_their_own(self) -> None:
        assert {(board["uid"], board["title"]) for board in DASHBOARDS.values()} == {
            ("orca-service", "Service"),
            ("orca-resources", "Resources"),
        }

    @pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
    def test_no_two_panels_share_an_id_or_a_place(self, board: dict[str, Any]) -> None:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert at["x"] + at["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells

    @pytest.mark.parametrize("panel", PANELS)
    def test_each_panel_says_what_it_shows_in_which_unit_from_the_one_source(self, panel: dict[str, Any]) -> None:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        text = monitoring.render(settings())[grafana.config(settings()).name]["provisioning/datasources/prometheus.yml"]
        (source,) = yaml.safe_load(text)["datasources"]
        given = {"type": source["type"], "uid": source["uid"]}
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [
            given for _ in range(1 + len(panel["targets"]))
        ]

    def test_each_query_names_metrics_that_the_stack_has(self) -> None:
        known = set().union(counted(), recorded(), released(), *OTHERS.values())
        for query in queries():
            assert names(query), query
            assert names(query) <= known, query

    def test_no_metric_of_others_is_listed_in_vain(self) -> None:
        used = set().union(*(names(query) for query in queries()))
        assert set().union(*OTHERS.values()) <= used

    def test_each_job_that_a_query_names_is_one_of_prometheus(self) -> None:
        text = monitoring.render(settings())[prometheus.config(settings()).name]["prometheus.yml"]
        jobs = {job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]}
        named = {
            job for query in queries() for found in re.findall(r'job=~?"([^"]+)"', query) for job in found.split("|")
        }
        assert named == {"api", "edge", "ollama", "models", "generate"}
        assert named <= jobs

    def test_flips_are_marked_and_both_colours_are_apart(self) -> None:
        for board in DASHBOARDS.values():
            (flips,) = board["annotations"]["list"]
            assert "orca_release_flip_timestamp_seconds" in names(flips["target"]["expr"])
        times = [query for query in queries() if "histogram_quantile" in query]
        assert len(times) == 6
        assert all("by (colour, le)" in query for query in times)


def test_what_counts_as_a_metric_of_a_query() -> None:
    query = 'sum by (a) (rate(b_total{c="d{"}[5m])) / on (e) group_left () f:g or 0 * vector(1e3) unless h offset 10m'
    assert names(query) == {"b_total", "f:g", "h"}


class TestGrafana:
    def ini(self) -> configparser.ConfigParser:
        read = configparser.ConfigParser(interpolation=None)
        read.read_string("[top]\n" + monitoring.render(settings())[grafana.config(settings()).name]["grafana.ini"])
        return read

    def test_it_is_off_by_default(self) -> None:
        without = settings(monitoring={})
        assert grafana.server(without) is None
        rendered = monitoring.render(without).items()
        files = {f"{volume}/{path}": text for volume, found in rendered for path, text in found.items()}
        assert sorted(path for path, text in files.items() if "grafana" in (path + text).lower()) == [
            "dev-pages-config/www/index.html",  # a link that shows where there is a Grafana
            "dev-pages-config/www/status.js",
        ]
        assert "grafana" not in pages.endpoints(without)

    def test_it_is_one_more_container_of_the_list_without_a_way_out(self) -> None:
        on = settings()
        (work,) = (work for work in stack(on).services if work.service == "grafana")
        assert [found.network for found in work.networks] == ["obs"]
        assert stack(on).networks["obs"].internal
        assert work.user.startswith("472:")
        assert (work.read_only, work.ports, work.exemptions) == (True, (), ())
        assert all(mount.read_only for mount in work.mounts)
        (door,) = (door for door in stack(on).doors if door.to == "grafana")
        assert not door.open_to & {"api-blue", "api-green", "nginx", "ollama"}

    def test_everybody_reads_and_nobody_logs_in(self) -> None:
        ini = self.ini()
        assert (ini["auth.anonymous"]["enabled"], ini["auth.anonymous"]["org_role"]) == ("true", "Viewer")
        assert ini["auth"]["disable_login_form"] == "true"
        assert ini["auth.basic"]["enabled"] == "false"
        assert ini["security"]["disable_initial_admin_creation"] == "true"
        assert ini["users"]["allow_sign_up"] == "false"

    def test_it_asks_nobody_elsewhere(self) -> None:
        ini = self.ini()
        assert set(ini["analytics"].values()) == {"false"}
        assert ini["plugins"]["preinstall_disabled"] == "true"
        assert ini["plugins"]["public_key_retrieval_disabled"] == "true"
        assert ini["security"]["disable_gravatar"] == "true"
        assert ini["news"]["news_feed_enabled"] == "false"
        assert "prometheus" not in ini["plugins"]["disable_plugins"].split(",")

    def test_all_of_it_is_files_and_each_path_is_one(self) -> None:
        files = monitoring.render(settings())[grafana.config(settings()).name]
        assert {path for path in files if path.startswith("dashboards/")} == {
            f"dashboards/{name}" for name in DASHBOARDS
        }
        home = self.ini()["dashboards"]["default_home_dashboard_path"]
        assert home.removeprefix(f"{grafana.CONFIG}/") in files
        (provider,) = yaml.safe_load(files["provisioning/dashboards/files.yml"])["providers"]
        assert provider["options"]["path"] == f"{grafana.CONFIG}/dashboards"
        assert not provider["allowUiUpdates"]

    def test_it_is_below_the_pages_and_asked_there(self) -> None:
        on, ini = settings(pages={"port": 9085}), self.ini()
        assert pages.endpoints(on)["grafana"] == "http://127.0.0.1:9085/grafana/"
        assert (ini["server"]["root_url"], ini["server"]["serve_from_sub_path"]) == (
            pages.endpoints(settings())["grafana"],
            "true",
        )
        files = monitoring.render(on)
        assert (
            f"location /grafana/ {{\n            proxy_pass http://{grafana.target(on)};"
            in (files[pages.config(on).name]["nginx.conf"])
        )
        jobs = yaml.safe_load(files[prometheus.config(on).name]["prometheus.yml"])["scrape_configs"]
        (job,) = (job for job in jobs if job["job_name"] == "grafana")
        assert job["metrics_path"] == "/grafana/metrics"
        assert job["static_configs"] == [{"targets": [grafana.target(on)]}]

    @pytest.mark.parametrize("written", [True, "on", "true"])
    def test_on_is_written_as_yaml_does(self, written: object) -> None:
        assert grafana.server(settings(monitoring={"grafana": written})) is not None

    def test_its_image_is_published_and_pinned_in_development_too(self) -> None:
        assert images.grafana(settings()) == images.PUBLISHED["grafana"]
        assert "@sha256:" in images.PUBLISHED["grafana"]
        assert images.grafana(settings(images={"grafana": "mine/grafana:1"})) == "mine/grafana:1"
