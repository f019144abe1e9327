"""The way to a release: in labels, in the release's id, and in the configuration of version 0.1."""

from dataclasses import replace
from typing import Any

import pytest

from rollout.arguments import Wanted
from rollout.colours import Replica
from rollout.former import way_in
from rollout.plan import known_as
from settings import Settings, load
from workloads import api
from workloads.colour import COLOURS, Colour
from workloads.way import KEEP_ALIVE, Way, of_labels, parse

WAY = Way(port=8001, readiness="/ready", paths=("/v1/", "/v2/"), marks_streams=True, replicas=2, keep_alive=5)
FORMER_WAY = replace(WAY, keep_alive=KEEP_ALIVE)
# What version 0.1 rendered for a stack with two replicas, in the parts that tell the way.
FORMER = """
upstream blue {
    zone blue 64k;
    server 10.1.1.32:8001 max_fails=1 fail_timeout=1s;
    server 10.1.1.33:8001 max_fails=1 fail_timeout=1s;
    server 10.1.1.64:8001 backup;
    server 10.1.1.65:8001 backup;
    keepalive 0;
}

server {
    location /v1/ {
        include snippets/keys.conf;
        include snippets/limits.conf;
        include snippets/proxy.conf;
        proxy_pass http://$pool;
    }

    location /v2/ {
        include snippets/keys.conf;
        include snippets/limits.conf;
        include snippets/proxy.conf;
        proxy_pass http://$pool;
    }

    location / {
        return 404;
    }
}
"""


def settings(**of_api: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "1", "OLLAMA_MODELS": ["a:1"], "IMAGE_TAG": "1"}
    return load("x", {**base, "api": of_api})


def test_labels_and_lines_tell_it_again() -> None:
    for way in (WAY, api.way(settings().api)):
        assert of_labels(way.labels) == way
        assert parse(way.dump()) == way


def test_a_container_of_version_0_1_tells_none() -> None:
    assert of_labels({"orca.readiness": "/readyz", "orca.release": "r"}) is None


def test_a_setting_that_there_was_not_yet_had_its_default() -> None:
    labels = {name: value for name, value in WAY.labels.items() if name != "orca.keep-alive"}
    assert of_labels(labels) == replace(WAY, keep_alive=KEEP_ALIVE)
    line = '{"port": 8001, "readiness": "/ready", "paths": ["/v1/", "/v2/"], "marks_streams": true, "replicas": 2}'
    assert parse(line) == replace(WAY, keep_alive=KEEP_ALIVE)


def test_every_container_of_a_colour_carries_it() -> None:
    wanted = settings(
        port=8001, readiness="/ready", paths=["/v1/", "/v2/"], marksStreams=True, replicas=2, keepAlive="5s"
    )
    carried = [of_labels(replica.labels) for colour in COLOURS for replica in api.colour_workloads(wanted, colour)]
    assert carried == [WAY] * 4


@pytest.mark.parametrize(
    "change", [{"port": 8001}, {"readiness": "/ready"}, {"paths": ["/v1/", "/v2/"]}, {"marksStreams": True}]
)
def test_a_change_is_another_release(change: dict[str, Any]) -> None:
    assert api.current_release(settings(**change)) != api.current_release(settings())
    assert api.former_release(settings(**change)) == api.former_release(settings())


@pytest.mark.parametrize("of_api", [{}, {"replicas": 2}, {"env": {"A": "b"}}])
def test_defaults_change_no_id(of_api: dict[str, Any]) -> None:
    """An id of version 0.1 is the id of today where these settings are not used."""
    assert api.current_release(settings(**of_api)) == api.former_release(settings(**of_api))


def test_version_0_1_had_what_is_the_default_now() -> None:
    assert api.way(settings().api).keep_alive == KEEP_ALIVE


def test_the_id_is_that_of_version_0_1() -> None:
    assert api.former_release(settings()) == "de6fdf81ebbf"
    assert api.former_release(settings(replicas=2)) == "69be251595b4"


class TestVersionOne:
    """Stacks whose containers carry no way."""

    def test_the_configuration_that_runs_knows_it(self) -> None:
        assert way_in(FORMER, "blue", "/ready") == FORMER_WAY
        unbuffered = f"{FORMER}\nproxy_buffering             off;\n"
        assert way_in(unbuffered, "blue", "/ready") == replace(FORMER_WAY, marks_streams=False)

    def test_an_edge_without_a_configuration_does_not(self) -> None:
        assert way_in("", "blue", "/ready") is None

    @pytest.mark.parametrize(
        ("release", "way", "known"),
        [
            ("former", WAY, "former"),
            ("former", replace(WAY, port=8000), "new"),
            ("former", None, "new"),
            ("other", WAY, "new"),
        ],
    )
    def test_its_release_keeps_its_id_if_nothing_has_changed(self, release: str, way: Way | None, known: str) -> None:
        wanted = Wanted(release="new", former="former", way=WAY)
        replica = Replica(name="x-api-green", colour="green", index=0, release=release, way=way)
        colours: dict[Colour, tuple[Replica, ...]] = {"blue": (), "green": (replica,)}
        assert known_as(colours, wanted) == known
