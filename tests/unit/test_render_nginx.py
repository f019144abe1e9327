"""The rendered configuration of the edge."""

import hashlib
import re
from ipaddress import IPv6Address
from itertools import product
from typing import Any, ClassVar

import pytest

from render.nginx import base_url, render
from rollout.former import way_in
from settings import Settings, load
from workloads import api
from workloads.colour import COLOURS
from workloads.way import Way


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


@pytest.mark.parametrize(("marks", "word"), [(False, "off"), (True, "on")])
def test_answers_wait_in_no_buffer_unless_the_api_marks_its_streams(marks: bool, word: str) -> None:
    files = render(dev(api={"marksStreams": marks})).files
    assert re.findall(r"proxy_buffering\s+(\w+);", files["sites/10-api.conf"]) == [word, word]
    assert re.findall(r"proxy_buffering\s+(\w+);", files["sites/90-admin.conf"]) == [word, word]
    assert not any("X-Accel-Buffering" in text.partition("#")[0] for text in files.values()), (
        "the mark is not to be ignored"
    )


class TestWays:
    """A colour that runs keeps its own way, whatever the settings say now."""

    SETTINGS = dev(api={"port": 8001, "paths": ["/v1/chat/", "/v2/"], "readiness": "/ready", "replicas": 2})
    RUNNING = Way(port=8000, readiness="/readyz", paths=("/v1/",), marks_streams=True, replicas=1, keep_alive=1)
    CONFIG = render(SETTINGS, {"blue": RUNNING})

    def test_ports_and_replicas(self) -> None:
        text = self.CONFIG.files["conf.d/60-upstreams.conf"]
        live, standby = ["10.1.1.32:8000"], ["10.1.1.64:8001", "10.1.1.65:8001"]
        for colour, own, others in (("blue", live, standby), ("green", standby, live)):
            upstream = re.search(rf"upstream {colour} {{(.*?)}}", text, re.DOTALL)
            assert upstream
            assert re.findall(r"server (\S+) max_fails", upstream[1]) == own
            assert re.findall(r"server (\S+) backup", upstream[1]) == others
        asked = re.findall(
            r"server_name ((?:blue|green)-\d);.*?proxy_pass http://(\S+);",
            self.CONFIG.files["sites/90-admin.conf"],
            re.DOTALL,
        )
        assert asked == [("blue-0", *live), ("green-0", standby[0]), ("green-1", standby[1])]

    def test_readiness(self) -> None:
        text = self.CONFIG.files["conf.d/60-upstreams.conf"]
        assert re.findall(r"^    (blue|green) +(/\S+);", text, re.MULTILINE) == [
            ("blue", "/readyz"),
            ("green", "/ready"),
        ]

    def test_a_path_is_open_to_the_colours_that_open_it(self) -> None:
        text = self.CONFIG.files["sites/10-api.conf"]
        only = {
            path: re.findall(r"if \(\$pool != (\w+)\)", body)
            for path, body in re.findall(r"location (/v\S+) {(.*?)\n    }", text, re.DOTALL)
        }
        assert only == {"/v1/": ["blue"], "/v1/chat/": [], "/v2/": ["green"]}

    def test_each_colour_has_its_own_buffering_where_they_differ(self) -> None:
        text = self.CONFIG.files["sites/10-api.conf"]
        assert re.findall(r"location @(\w+) {.*?proxy_buffering (\w+);", text, re.DOTALL) == [
            ("blue", "on"),
            ("green", "off"),
        ]
        assert re.findall(r"location @(\w+)-forwarded {.*?proxy_buffering (\w+);", text, re.DOTALL) == [
            ("blue", "on"),
            ("green", "off"),
        ]
        assert "@blue" not in render(self.SETTINGS).files["sites/10-api.conf"]

    def test_a_redirect_is_known_by_the_ports_of_both(self) -> None:
        text = self.CONFIG.files["snippets/proxy.conf"]
        assert r"10\.1\.1\.32:8000|10\.1\.1\.64:8001" in text
        assert r"localhost:8000" in text
        assert r"localhost:8001" in text

    def test_without_what_runs_both_have_the_wanted_one(self) -> None:
        assert render(self.SETTINGS).ways == dict.fromkeys(("blue", "green"), api.way(self.SETTINGS.api))
        assert self.CONFIG.ways["blue"] == self.RUNNING

    def test_the_configuration_tells_its_ways_again(self) -> None:
        text = "".join(self.CONFIG.files.values())
        assert {colour: way_in(text, colour, "/other") for colour in COLOURS} == self.CONFIG.ways

    def test_every_path_may_be_open(self) -> None:
        text = render(dev(api={"paths": ["/"]})).files["sites/10-api.conf"].rpartition("ssl_certificate_key")[2]
        assert text.count("location / {") == 1


def test_each_container_has_a_name_at_the_operator_s_door() -> None:
    text = render(dev(api={"replicas": 2})).files["sites/90-admin.conf"]
    servers = re.findall(r"server_name ((?:blue|green)-\d);.*?proxy_pass (\S+);", text, re.DOTALL)
    assert servers == [
        ("blue-0", "http://10.1.1.32:8000"),
        ("blue-1", "http://10.1.1.33:8000"),
        ("green-0", "http://10.1.1.64:8000"),
        ("green-1", "http://10.1.1.65:8000"),
    ]


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
    assert re.findall(r"location (\S+) {", tls) == ["/v1/", "/chat", "@api", "@api-forwarded", "/"]
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
            "edge": {"apiKeys": "off"},
        },
    )
    assert ("add_header Strict-Transport-Security" in render(settings).files["snippets/headers.conf"]) is sent


def test_no_header_is_added_outside_of_the_one_snippet() -> None:
    adding = [name for name, text in render(dev()).files.items() if re.search(r"^\s*add_header", text, re.MULTILINE)]
    assert adding == ["snippets/headers.conf"]


def test_secrets_and_prompts_are_not_logged() -> None:
    _, _, text = render(dev()).files["conf.d/20-log.conf"].partition("log_format access")
    assert "$logged_path" in text
    for variable in ("$request ", "$request_uri", "$args", "$http_authorization", "$request_body", "$http_cookie"):
        assert variable not in text


@pytest.mark.parametrize(("port", "url"), [(443, "https://localhost"), (8443, "https://localhost:8443")])
def test_the_base_url(port: int, url: str) -> None:
    assert base_url(dev(edge={"httpsPort": port})) == url


@pytest.mark.parametrize("edge", [{}, {"rateLimit": "off", "concurrency": "off"}])
def test_no_file_is_empty(edge: dict[str, Any]) -> None:
    """The provider takes an empty file for a missing one."""
    assert all(text.strip() for text in render(dev(edge=edge)).files.values())


KEY, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


class TestKeys:
    KEYS: ClassVar[dict[str, Any]] = {
        "app": {"keys": [KEY, OTHER]},
        "batch-jobs": {"keys": [], "paths": ["/v1/models"], "rate": "6/m", "concurrency": 2},
    }

    def test_only_digests_are_written(self) -> None:
        files = render(dev(edge={"apiKeys": self.KEYS})).files
        assert not [name for name, text in files.items() if KEY in text or OTHER in text]
        for key in (KEY, OTHER):
            assert f"{hashlib.sha256(key.encode()).hexdigest()}  app;" in files["conf.d/45-keys.conf"]

    def test_keys_do_not_reach_the_api_but_its_own_credentials_do(self) -> None:
        def passed(edge: dict[str, Any]) -> bool:
            text = render(dev(edge=edge)).files["snippets/request-headers.conf"].lower()
            return bool(re.search(r"^proxy_set_header (authorization|x-api-key|api-key)", text, re.MULTILINE))

        assert passed({"apiKeys": "off"})
        assert not passed({"apiKeys": self.KEYS})
        assert not passed({"apiKeys": self.KEYS, "requestHeaders": ["X-Tenant"]})

    def test_a_key_s_own_limits_take_it_out_of_the_common_ones(self) -> None:
        text = render(dev(edge={"apiKeys": self.KEYS})).files["conf.d/56-limits.conf"]
        common = re.search(r"\$rate_completion_key {(.*?)}", text, re.DOTALL)
        assert common
        assert '"completion app"  app;' in common[1]
        assert "batch-jobs" not in common[1]
        assert "zone=rate_completion_key_batch_jobs:64k  rate=6r/m" in text

    def test_without_keys_no_module_is_loaded(self) -> None:
        assert "load_module" not in render(dev()).files["nginx.conf"]


class TestLimits:
    def test_as_many_as_the_rate_may_come_at_once(self) -> None:
        text = render(dev(edge={"rateLimit": {"address": "20/s", "server": "1/s"}})).files["snippets/limits.conf"]
        assert "zone=rate_address burst=19 nodelay;" in text
        assert "zone=rate_all;" in text

    def test_a_refused_client_is_told_when_to_come_back(self) -> None:
        limits = {"address": "20/s", "completions": {"address": "7/m"}}
        text = render(dev(edge={"rateLimit": limits})).files["conf.d/80-refusals.conf"]
        assert re.search(r"default +1;\n +completion +9;", text)

    def test_an_answer_s_head_may_repeat_the_longest_line(self) -> None:
        text = render(dev(edge={"headerLimit": "32k"})).files["conf.d/50-sizes.conf"]
        assert re.search(r"large_client_header_buffers +4 32k;", text)
        assert re.search(r"proxy_buffer_size +64k;", text)

    def test_off_is_off(self) -> None:
        files = render(dev(edge={"rateLimit": "off", "concurrency": "off"})).files
        assert not re.search(r"limit_(req|conn) ", files["snippets/limits.conf"])

    def test_zones_are_named_after_their_variables(self) -> None:
        """A zone that outlives a reload must not be counted by another variable."""
        text = render(dev(edge={"apiKeys": TestKeys.KEYS})).files["conf.d/56-limits.conf"]
        zones = re.findall(r"limit_(?:req|conn)_zone +(\S+) +zone=(\w+):", text)
        assert len(zones) == len({name for _, name in zones}) == 16

    @pytest.mark.parametrize("keys", ["off", TestKeys.KEYS])
    def test_only_a_request_with_the_key_that_it_needs_counts_for_all_clients(self, keys: Any) -> None:
        """nginx counts no request for which the variable is empty; $key_missing is then part of the source."""
        files = render(dev(edge={"apiKeys": keys})).files
        text = files["conf.d/56-limits.conf"]
        maps = {
            name: (source, value)
            for source, name, value in re.findall(
                r'map "(\S+)" \$(\w+) {\n    default  "";\n    "(\S*)"  all;\n}', text
            )
        }

        def counted(missing: str, kind: str = "other", large: str = "") -> set[str]:
            """The variables that are not empty for a request."""
            said = {"$request_class": kind, "$large_body": large, "$key_missing": missing}
            return {
                name
                for name, (source, value) in maps.items()
                if re.sub(r"\$\w+", lambda match: said[match[0]], source) == value
            }

        assert counted("") == {"all_clients"}
        assert counted("", "completion") == {"all_clients", "completion_server"}
        assert counted("", large="1") == {"all_clients", "body_server"}
        assert not [*counted("1"), *counted("1", "completion"), *counted("1", large="1")]
        shared = set(re.findall(r"^limit_(?:req|conn)_zone +\$(\S+) +zone=\w+_(?:all|server):", text, re.MULTILINE))
        assert shared == set(maps)
        missing = re.search(r"\$key_missing {(.*?)}", files["conf.d/45-keys.conf"], re.DOTALL)
        assert missing
        assert re.findall(r"(\S+) +1;", missing[1]) == ([] if keys == "off" else ['":"'])

    def test_a_preflight_is_no_completion(self) -> None:
        assert 'map "$preflight$uri" $request_class {' in render(dev()).files["conf.d/55-classes.conf"]

    def test_the_operator_s_door_is_not_limited(self) -> None:
        assert "limits.conf" not in render(dev()).files["sites/90-admin.conf"]


@pytest.mark.parametrize(
    ("request_text", "preflight"),
    [
        ("OPTIONS https://a.example POST :", True),
        ("OPTIONS https://a.example POST :0", True),
        ("OPTIONS https://a.example POST :3", False),
        ("OPTIONS https://a.example POST :00", False),
        ("OPTIONS https://a.example POST chunked:", False),
        ("OPTIONS https://a.example POST :0 :3", False),
        ("OPTIONS https://a.example :0 :3", False),
        ("OPTIONS https://a.example  :", False),
        ("OPTIONS  POST :", False),
        ("POST https://a.example POST :", False),
    ],
)
@pytest.mark.parametrize("cors", ["off", {"origins": ["https://a.example"]}])
def test_a_preflight_has_no_body(cors: Any, request_text: str, preflight: bool) -> None:
    text = render(dev(edge={"cors": cors})).files["conf.d/85-cors.conf"]
    found = re.search(r'^map "(.*)" \$preflight {\n    default +"";\n    "~(.+)" +1;\n}', text, re.MULTILINE)
    assert found
    assert found[1].endswith("$http_access_control_request_method $http_transfer_encoding:$content_length")
    assert bool(re.search(found[2], request_text)) is preflight


@pytest.mark.parametrize(
    ("path", "closed"),
    [
        ("/api/pull", True),
        ("/API/Pull/", True),
        ("/api/blobs/sha256:0", True),
        ("/api/me", True),
        ("/api/signout", True),
        ("/api/experimental/web_search", True),
        ("/api/chat", False),
        ("/api/generate", False),
        ("/api/tags", False),
        ("/api/messages", False),
        ("/v1/api/me", False),
    ],
)
def test_what_stays_closed_even_if_api_is_open(path: str, closed: bool) -> None:
    text = render(dev(api={"paths": ["/api/"]})).files["snippets/model-management.conf"]
    pattern = re.search(r"^location ~\* (\S+) {", text, re.MULTILINE)
    assert pattern
    assert bool(re.search(pattern[1], path, re.IGNORECASE)) is closed


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/audio/transcriptions", "/v1/images/generations", "/api/chat"])
def test_every_path_on_which_a_model_works_is_one_of_completions(path: str) -> None:
    assert f"    {path}  completion;" in render(dev()).files["conf.d/55-classes.conf"]


class TestHealthCheck:
    TEXT = render(dev(edge={"healthCheck": "/healthz"})).files["snippets/health.conf"]

    def location(self, name: str) -> str:
        found = re.search(rf"^location {name} {{\n(.*?)^}}", self.TEXT, re.DOTALL | re.MULTILINE)
        assert found
        return found[1]

    def test_it_takes_no_body(self) -> None:
        """nginx reads a body only for the API, and then into memory or a file; an answer of its own needs none."""
        asked = self.location("= /healthz")
        assert "auth_request /-/ready;" in asked
        assert "try_files /-/none @ready;" in asked
        assert "proxy_pass" not in asked + self.location("@ready")
        assert 'return 200 "ok\\n";' in self.location("@ready")
        assert "access_log off;" in self.location("@ready")

    def test_the_api_is_told_of_no_body(self) -> None:
        ready = self.location("= /-/ready")
        assert "proxy_pass_request_body off;" in ready
        assert re.findall(r'proxy_set_header (\S+) "";', ready) == ["Content-Length", "Transfer-Encoding"]


ELSEWHERE = [
    "http://localhost.evil.example/v1/models",
    "http://other.example/v1/models",
    "https://localhost:9999/v1/models",
    "http://10.1.1.99:8000/v1",
    "http://127.0.0.1/v1",
    "//localhost/v1",
    "/v1/models",
]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("http://localhost/v1/models", "/v1/models"),
        ("http://localhost:8443/v1/models?a=b", "/v1/models?a=b"),
        ("https://LOCALHOST:8443/v1", "/v1"),
        ("http://api.example.com:8000/v1", "/v1"),
        ("http://10.1.1.32:8000/v1/", "/v1/"),
        ("http://10.1.1.64:8000/v1/", "/v1/"),
        ("http://0.0.0.0:8000/v1/", "/v1/"),
        ("http://localhost", ""),
        *((location, None) for location in ELSEWHERE),
    ],
)
def test_a_redirect_to_the_api_s_own_address_leads_to_the_edge(location: str, path: str | None) -> None:
    text = render(dev(edge={"httpsPort": 8443, "hostnames": ["api.example.com"]})).files["snippets/proxy.conf"]
    pattern = re.search(r'proxy_redirect +"~\*(\S+)" https://\$public_host\$own_path;', text)
    assert pattern
    found = re.search(pattern[1].replace("?<", "?P<"), location, re.IGNORECASE)
    assert (found and (found["own_path"] or "")) == path


@pytest.mark.parametrize(("port", "said"), [(443, ""), (8443, ":8443")])
def test_the_api_is_told_the_name_and_port_that_clients_use(port: int, said: str) -> None:
    files = render(dev(edge={"httpsPort": port, "hostname": "a.example", "hostnames": ["b.example"]})).files
    assert f"default  a.example{said};" in files["conf.d/27-names.conf"]
    assert f"b.example  b.example{said};" in files["conf.d/27-names.conf"]
    assert f"X-Forwarded-Port    {port};" in files["snippets/proxy.conf"]
    assert files["sites/10-api.conf"].count("server_name a.example b.example;") == 2


# Every directive of nginx 1.30 that bounds a request, an answer or a connection of this kind of server, by the modules'
# pages at https://nginx.org/en/docs/: none is left to its default.
BOUNDS = {
    "core": "worker_processes worker_connections worker_rlimit_nofile worker_shutdown_timeout multi_accept",
    "http_core": "client_body_buffer_size client_body_timeout client_header_buffer_size client_header_timeout "
    "client_max_body_size keepalive_min_timeout keepalive_requests keepalive_time keepalive_timeout "
    "large_client_header_buffers limit_rate lingering_close lingering_time lingering_timeout max_headers "
    "open_file_cache output_buffers postpone_output reset_timedout_connection send_timeout "
    "server_names_hash_bucket_size server_names_hash_max_size subrequest_output_buffer_size tcp_nodelay "
    "variables_hash_bucket_size variables_hash_max_size",
    "http_gzip": "gzip",
    "http_map": "map_hash_bucket_size map_hash_max_size",
    "http_proxy": "proxy_buffer_size proxy_buffering proxy_buffers proxy_busy_buffers_size proxy_connect_timeout "
    "proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_ignore_client_abort proxy_max_temp_file_size "
    "proxy_next_upstream proxy_next_upstream_timeout proxy_read_timeout proxy_request_buffering proxy_send_timeout",
    "http_ssl": "ssl_buffer_size ssl_session_cache ssl_session_tickets ssl_session_timeout",
    "http_v2": "http2_body_preread_size http2_chunk_size http2_max_concurrent_streams http2_recv_buffer_size",
}


@pytest.mark.parametrize("module", BOUNDS)
def test_nothing_that_bounds_a_request_is_left_to_a_default(module: str) -> None:
    text = "\n".join(render(dev(edge={"http2": True})).files.values())
    missing = [name for name in BOUNDS[module].split() if not re.search(rf"^\s*{name}\s+\S", text, re.MULTILINE)]
    assert not missing


@pytest.mark.parametrize(
    ("edge", "workers", "connections"),
    [
        ({}, 1, 5461),
        ({"cpus": "0.5", "memory": "64M"}, 1, 1365),
        ({"cpus": "1.5"}, 2, 2730),
        ({"cpus": "2", "memory": "4G"}, 2, 8192),
    ],
)
def test_workers_and_connections_follow_what_the_container_may_use(
    edge: dict[str, Any], workers: int, connections: int
) -> None:
    text = render(dev(edge=edge)).files["nginx.conf"]
    assert re.findall(r"worker_(?:processes|connections) +(\d+);", text) == [str(workers), str(connections)]


@pytest.mark.parametrize(
    ("request_line", "large"),
    [
        ("GET HTTP/1.1 :", False),
        ("POST HTTP/1.1 :", False),  # without a length HTTP/1.1 has no body
        ("POST HTTP/1.1 :0", False),
        ("POST HTTP/1.1 :999999", False),
        ("POST HTTP/1.1 :1000000", True),
        ("POST HTTP/1.1 :0000000001", True),
        ("POST HTTP/1.1 chunked:", True),
        ("GET HTTP/1.1 chunked:", True),
        ("GET HTTP/2.0 :", False),
        ("POST HTTP/2.0 :", True),
        ("POST HTTP/2.0 :5", False),
        ("POST HTTP/2.0 :7000000", True),
    ],
)
def test_bodies_are_large_by_their_length_or_because_they_tell_none(request_line: str, large: bool) -> None:
    text = render(dev()).files["conf.d/55-classes.conf"].partition("$large_body")[2]
    small = re.findall(r'"~(.+)" +"";', text)
    assert len(small) == 3
    assert any(re.search(pattern, request_line) for pattern in small) is not large


@pytest.mark.parametrize(
    ("request_line", "whole"),
    [
        ("2000 HTTP/1.1 :", True),
        ("2000 HTTP/1.0 :0", True),
        ("2000 HTTP/1.1 :15999", True),
        ("100 HTTP/1.1 :16000", False),
        ("99 HTTP/1.1 :16000", True),
        ("1 HTTP/1.0 :200000", True),
        ("1 HTTP/1.1 :259999", True),
        ("1 HTTP/1.1 :260000", False),
        ("1 HTTP/1.1 :1000000", False),
        ("1 HTTP/1.1 chunked:", False),
        ("1 HTTP/2.0 :5", False),
        ("1 HTTP/2.0 :", False),
    ],
)
def test_the_edge_holds_bodies_whole_while_it_has_room_for_them(request_line: str, whole: bool) -> None:
    text = render(dev()).files["conf.d/57-bodies.conf"]
    patterns = re.findall(r'"~(.+)" +"";', text)
    assert len(patterns) == 2
    assert any(re.search(pattern, request_line) for pattern in patterns) is whole


@pytest.mark.parametrize(
    ("request_line", "none"),
    [
        ("OPTIONS HTTP/2.0:", True),
        ("GET HTTP/2.0:", True),
        ("DELETE HTTP/2.0:", True),
        ("DELETE HTTP/2.0:5", False),
        ("POST HTTP/2.0:", False),
        ("GET HTTP/1.1:", False),
    ],
)
def test_over_http2_what_usually_has_no_body_and_announces_none_has_none(request_line: str, none: bool) -> None:
    text = render(dev(edge={"http2": True})).files["conf.d/57-bodies.conf"]
    (pattern,) = re.findall(r'"~(.+)" +"-none";', text)
    assert bool(re.search(pattern, request_line)) is none
    assert "location @api-none {" in render(dev(edge={"http2": True})).files["sites/10-api.conf"]
    assert "-none" not in "".join(render(dev()).files.values())


@pytest.mark.parametrize(
    ("memory", "number"), [("16M", 8), ("20M", 10), ("32M", 10), ("64M", 30), ("256M", 100), ("4G", 2000)]
)
def test_the_number_of_bodies_held_whole_follows_the_memory(memory: str, number: int) -> None:
    text = render(dev(edge={"memory": memory})).files["conf.d/57-bodies.conf"]
    pattern = re.compile(re.findall(r'"~\^\(\?:(\S+)\) HTTP', text)[0])
    assert [at_work for at_work in range(1, 5000) if pattern.fullmatch(str(at_work))] == list(range(1, number))


# The shapes of a textual IPv6 address, and the network that they are limited by; None: by the address itself.
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:"),
        ("2001:db8:1:2::6", "2001:db8:1:2:"),
        ("2001:db8:1::6", "2001:db8:1:"),
        ("2001:db8:1:0:3:4:5:6", "2001:db8:1:"),
        ("2001:db8::6", "2001:db8:"),
        ("2001:db8:0:0:3::", "2001:db8:"),
        ("2001::6", "2001:"),
        ("::1", None),
        ("::ffff:192.0.2.1", None),
        ("192.0.2.1", None),
    ],
)
def test_ipv6_clients_are_counted_by_their_network(address: str, network: str | None) -> None:
    assert client_network(address) == network


def client_network(address: str) -> str | None:
    text = render(dev()).files["conf.d/25-client-address.conf"]
    patterns = [re.compile(found.replace("?<", "?P<")) for found in re.findall(r'"~(\S+)" +\$', text)]
    assert len(patterns) == 3
    return next((match[1] for pattern in patterns if (match := pattern.search(address))), None)


def test_one_network_is_counted_once() -> None:
    """Wherever its addresses have zeros; and apart from others, but for a /48 whose last groups are zero."""
    counters: dict[str | None, set[tuple[int, ...]]] = {}
    networks: dict[tuple[int, ...], set[str | None]] = {}
    for groups in product((0x2001, 0xA), *[(0, 0xB80)] * 7):
        address = str(IPv6Address(b"".join(group.to_bytes(2) for group in groups)))
        networks.setdefault(groups[:4], set()).add(found := client_network(address))
        counters.setdefault(found, set()).add(groups[:4])
    assert {len(found) for found in networks.values()} == {1}
    wide = [found for found in counters.values() if len(found) > 1]
    assert wide == [{(first, 0, 0, 0), (first, 0, 0, 0xB80)} for first in (0x2001, 0xA)]


@pytest.mark.parametrize(("protocol", "header"), [(False, "X-Forwarded-For"), (True, "proxy_protocol")])
def test_a_load_balancer_is_believed_only_if_it_is_named(protocol: bool, header: str) -> None:
    files = render(dev(edge={"trustedProxies": ["10.9.0.0/16", "fd00::/8"], "proxyProtocol": protocol})).files
    assert re.findall(r"set_real_ip_from +(\S+);", files["conf.d/25-client-address.conf"]) == [
        "10.9.0.0/16",
        "fd00::/8",
    ]
    assert f"real_ip_header      {header};" in files["conf.d/25-client-address.conf"]
    assert ("listen 8443 ssl proxy_protocol;" in files["sites/10-api.conf"]) is protocol
    assert "real_ip" not in render(dev()).files["conf.d/25-client-address.conf"]


@pytest.mark.parametrize(("profile", "versions"), [("intermediate", "TLSv1.2 TLSv1.3"), ("modern", "TLSv1.3")])
def test_the_tls_profiles(profile: str, versions: str) -> None:
    text = render(dev(edge={"tls": {"profile": profile}})).files["conf.d/30-tls.conf"]
    assert re.search(r"ssl_protocols +(.*);", text)[1] == versions  # type: ignore[index]
    assert ("ssl_ciphers" in text) is (profile == "intermediate")


def test_of_two_prefixes_the_longer_one_is_read_first() -> None:
    text = render(dev(api={"paths": ["/api/", "/api/chat", "/v1.5/"]})).files["conf.d/67-slashes.conf"]
    assert re.findall(r'"~\^(\S+)\(\?<behind>', text) == [r"/+v1\.5/+", "/+api/+chat", "/+api/+"]
