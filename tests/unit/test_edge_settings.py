"""The settings of the edge: what is accepted, what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import SecretStr

from settings import SettingsError, load
from settings.edge import Edge
from workloads.edge import server

KEY = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
DIGEST = "sha256:" + "ab" * 32
DEV = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
PROD = {
    "OLLAMA_VERSION": f"1@{DIGEST}",
    "IMAGE_TAG": "1",
    "OLLAMA_MODELS": ["a:1"],
    "images": {"nginx": f"nginx:1@{DIGEST}"},
}


def edge(**values: Any) -> Edge:
    return load("dev", {**DEV, "edge": values}).edge


def refused(base: dict[str, Any] = DEV, **values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load("x", {**base, "edge": values})
    return str(caught.value)


class TestKeys:
    def test_development_is_open_and_limited(self) -> None:
        assert edge().api_keys is None
        assert edge().rate_limit
        assert edge().concurrency

    @pytest.mark.parametrize("word", ["off", False])
    def test_production_must_say_who_may_come_in(self, word: Any) -> None:
        assert "edge.apiKeys: is required in a production stack" in refused(PROD)
        assert "edge.apiKeys: is required in a production stack" in refused(PROD, httpPort=81)
        assert load("x", {**PROD, "edge": {"apiKeys": word}}).edge.api_keys is None
        assert load("x", {**PROD, "edge": {"apiKeys": {"a": {"keys": [SecretStr(KEY)]}}}}).edge.api_keys

    def test_an_encrypted_value_is_no_error_outside_of_pulumi(self) -> None:
        keys = edge(apiKeys={"a": {"keys": [{"secure": "v1:x"}]}}).api_keys
        assert keys
        assert keys["a"].keys == (None,)

    @pytest.mark.parametrize("key", ["short", "x" * 64, KEY + " ", KEY * 9, KEY + "\n", f'{KEY}"'])
    def test_what_is_no_key_is_refused_and_not_shown(self, key: str) -> None:
        message = refused(apiKeys={"app": {"keys": [key]}})
        assert "edge.apiKeys.app.keys.0: " in message
        assert key not in message

    @pytest.mark.parametrize(
        ("keys", "words"),
        [
            ({}, "names no key id"),
            ({"App": {"keys": []}}, "edge.apiKeys.App"),
            ({"a_b": {"keys": []}}, "edge.apiKeys.a_b"),
            ({"a": {}}, "edge.apiKeys.a.keys: is required"),
            ({"a": {"keys": [KEY]}, "b": {"keys": [OTHER, KEY]}}, "a and b have the same value"),
            ({"a": {"keys": [KEY, OTHER, KEY[::-1] + "x"]}}, "edge.apiKeys.a.keys"),
            ({"a": {"keys": [], "rate": "often"}}, '"often" is not a rate; write it as 20/s or 120/m'),
            ({"a": {"keys": [], "concurrency": 0}}, "edge.apiKeys.a.concurrency"),
            ({"a": {"keys": [], "paths": ["/v2/"]}}, "edge.apiKeys.a.paths: /v2/ is not below api.paths"),
        ],
    )
    def test_other_errors(self, keys: Any, words: str) -> None:
        assert words in refused(apiKeys=keys)


class TestLimits:
    def test_one_number_may_be_changed_alone(self) -> None:
        changed = edge(apiKeys={"a": {"keys": []}}, rateLimit={"completions": {"key": "5/s"}}).rate_limit
        assert changed
        assert (str(changed.completions.key), str(changed.completions.address)) == ("5/s", "120/m")

    @pytest.mark.parametrize("word", ["off", False])
    def test_off(self, word: Any) -> None:
        assert (edge(rateLimit=word).rate_limit, edge(concurrency=word).concurrency) == (None, None)
        assert edge(rateLimit=word).concurrency is None, "no limit by time, none by number"
        assert edge(rateLimit=word, concurrency={"server": 5}).concurrency
        assert edge(concurrency=word).rate_limit

    @pytest.mark.parametrize("rate", ["5", "0/s", "5/h", "-1/s", 5])
    def test_what_is_no_rate(self, rate: Any) -> None:
        assert "edge.rateLimit.address" in refused(rateLimit={"address": rate})

    def test_a_misspelt_one(self) -> None:
        assert 'did you mean "address"' in refused(rateLimit={"adress": "5/s"})


class TestTheRest:
    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"hostname": "192.0.2.1"}, '"192.0.2.1" is an address'),
            ({"proxyProtocol": True}, "proxyProtocol needs trustedProxies"),
            ({"trustedProxies": ["0.0.0.0/0"]}, "is everybody"),
            ({"trustedProxies": ["::/0"]}, "is everybody"),
            ({"trustedProxies": ["lb.example.com"]}, "edge.trustedProxies.0"),
            ({"webSocketPaths": ["/ws/"]}, "edge.webSocketPaths: /ws/ is not below api.paths"),
            ({"methods": ["TRACE"]}, "edge.methods.0"),
            ({"methods": []}, "edge.methods"),
            ({"requestHeaders": ["X-Orca-Key-Id"]}, "is set by the edge itself"),
            ({"requestHeaders": ["x-forwarded-for"]}, "is set by the edge itself"),
            ({"requestHeaders": ["Transfer-Encoding"]}, "is set by the edge itself"),
            ({"requestHeaders": ["A: b"]}, "is not the name of a header"),
            ({"hostnames": ["a.example", "LOCALHOST"]}, "hostname and hostnames name localhost twice"),
            ({"hostnames": ["192.0.2.1"]}, '"192.0.2.1" is an address'),
            ({"cors": {"origins": []}}, "edge.cors.origins"),
            ({"cors": {"origins": ["https://a.example/"]}}, "edge.cors.origins.0"),
            ({"cors": {"origins": ["a.example"]}}, "edge.cors.origins.0"),
            ({"cors": {"origins": ["*", "https://a.example"]}}, '"*" stands alone'),
            ({"cors": {"origins": ["*"], "credentials": True}}, '"*" stands alone'),
            ({"healthCheck": "healthz"}, "edge.healthCheck"),
            ({"healthCheck": "/-/key"}, "healthCheck: /-/key is among the edge's own paths"),
            ({"keepAlive": "0s"}, "edge.keepAlive"),
            ({"readTimeout": "0s"}, "edge.readTimeout"),
            ({"bind": "localhost"}, "edge.bind.0"),
            ({"bind": []}, "edge.bind"),
            ({"bodyLimit": "1025M"}, "edge.bodyLimit"),
            ({"tls": {"profile": "old"}}, "edge.tls.profile"),
            ({"tls": {"certificate": "x"}}, "names half of a certificate"),
            ({"tls": {"certificate": "x", "key": "y", "acme": {"email": "a@b.c"}}}, "two sources"),
            ({"tls": {"acme": {"email": "nobody"}}}, "edge.tls.acme.email"),
            ({"tls": {"acme": {"email": "a@b.c", "directory": "http://x"}}}, "edge.tls.acme.directory"),
        ],
    )
    def test_errors(self, values: dict[str, Any], words: str) -> None:
        assert words in refused(**values)


class TestWithoutEffect:
    """A setting that changes nothing beside another is refused."""

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (
                {"apiKeys": {"a": {"keys": [], "rate": "5/s"}}, "rateLimit": "off"},
                "edge: apiKeys.a.rate has no effect while rateLimit is off",
            ),
            (
                {"apiKeys": {"a": {"keys": [], "concurrency": 5}}, "rateLimit": "off"},
                "edge: apiKeys.a.concurrency has no effect while concurrency is off",
            ),
            (
                {"apiKeys": {"a": {"keys": [], "rate": "5/s"}}, "completionPaths": []},
                "edge: apiKeys.a limits completions, and completionPaths names no path of one",
            ),
            (
                {"rateLimit": {"completions": {"key": "5/s"}}, "completionPaths": []},
                "edge: rateLimit.completions has no effect: completionPaths names no path",
            ),
            (
                {"concurrency": {"completions": {"key": 5}}, "completionPaths": []},
                "edge: concurrency.completions has no effect: completionPaths names no path",
            ),
            ({"webSocketPaths": ["/v1/ws"], "methods": ["POST"]}, "edge: webSocketPaths has no effect"),
            ({"completionPaths": ["/v2/x"]}, "edge.completionPaths: /v2/x is not below api.paths"),
            (
                {"apiKeys": {"a": {"keys": []}}, "requestHeaders": ["authorization"]},
                "edge: requestHeaders: authorization has no effect beside apiKeys",
            ),
            (
                {"apiKeys": {"a": {"keys": []}}, "requestHeaders": ["X-API-Key"]},
                "edge: requestHeaders: X-API-Key has no effect beside apiKeys",
            ),
            ({"rateLimit": {"key": "5/s"}}, "edge: rateLimit.key has no effect without apiKeys"),
            (
                {"rateLimit": {"completions": {"key": "5/s"}}},
                "edge: rateLimit.completions.key has no effect without apiKeys",
            ),
            ({"concurrency": {"key": 5}}, "edge: concurrency.key has no effect without apiKeys"),
            (
                {"concurrency": {"completions": {"key": 5}}},
                "edge: concurrency.completions.key has no effect without apiKeys",
            ),
            ({"bind": ["127.0.0.1", "127.0.0.1"]}, "edge: bind names 127.0.0.1 and 127.0.0.1"),
            ({"bind": ["::1", "::"]}, "edge: bind names ::1 and ::, of which one includes the other"),
        ],
    )
    def test_refused(self, values: dict[str, Any], words: str) -> None:
        assert words in refused(**values)

    @pytest.mark.parametrize(
        ("values", "where"),
        [
            ({"rateLimit": {"completions": {"address": "5/s"}}}, "edge.rateLimit.completions"),
            ({"concurrency": {"completions": {"server": 5}}}, "edge.concurrency.completions"),
            ({"apiKeys": {"a": {"keys": [], "rate": "5/s"}}}, "edge.apiKeys.a.rate"),
        ],
    )
    def test_limits_of_completions_that_nobody_can_ask_for(self, values: dict[str, Any], where: str) -> None:
        message = refused({**DEV, "api": {"paths": ["/v2/"]}}, **values)
        assert f"{where} has no effect: none of edge.completionPaths is below api.paths" in message

    def test_all_at_once(self) -> None:
        message = refused(httpPort=443, proxyProtocol=True, webSocketPaths=["/v1/ws"], methods=["POST"])
        assert message.startswith('The configuration of stack "x" has 3 errors')

    def test_without_the_other_setting_it_is_accepted(self) -> None:
        keys = {"a": {"keys": [], "rate": "5/s", "concurrency": 5}}
        assert edge(apiKeys=keys).api_keys
        assert edge(apiKeys=keys, rateLimit={"server": "9/s"}, concurrency={"server": 9}).api_keys
        assert edge(apiKeys=keys, rateLimit="off", concurrency={"server": 9}).api_keys, "one of the two works"
        assert edge(apiKeys=keys, concurrency="off").api_keys, "one of the two works"
        assert edge(webSocketPaths=["/v1/ws"], methods=["POST", "GET"]).web_socket_paths
        assert edge(completionPaths=[]).rate_limit


class TestForms:
    """A value in each form in which Pulumi or an operator writes it."""

    @pytest.mark.parametrize("port", [8000, "8000", 8000.0])
    def test_a_number(self, port: Any) -> None:
        assert edge(httpPort=port).http_port == 8000

    @pytest.mark.parametrize("port", [True, "true", 80.5, "80.5", "", "x", [80]])
    def test_what_is_no_number(self, port: Any) -> None:
        assert "edge.httpPort: " in refused(httpPort=port)

    @pytest.mark.parametrize("value", [["GET", "POST"], '["GET", "POST"]'])
    def test_a_list(self, value: Any) -> None:
        assert edge(methods=value).methods == ("GET", "POST")

    @pytest.mark.parametrize("value", [{"server": "5/s"}, '{"server": "5/s"}'])
    def test_an_object(self, value: Any) -> None:
        changed = edge(rateLimit=value).rate_limit
        assert changed
        assert str(changed.server) == "5/s"

    @pytest.mark.parametrize("value", [{"5": {"keys": [KEY]}}, f'{{"5": {{"keys": ["{KEY}"]}}}}'])
    def test_an_object_of_the_operators_names(self, value: Any) -> None:
        assert list(edge(apiKeys=value).api_keys or ()) == ["5"]

    @pytest.mark.parametrize("word", ["off", "no", "false", False])
    def test_off(self, word: Any) -> None:
        assert edge(rateLimit=word).rate_limit is None

    @pytest.mark.parametrize("value", [0, "", "0", True])
    def test_what_is_not_off(self, value: Any) -> None:
        assert "edge.rateLimit: wants an object" in refused(rateLimit=value)

    def test_a_key_without_a_value_is_one_that_is_not_written(self) -> None:
        assert edge(hostname=None, tls=None, rateLimit=None, trustedProxies=None) == edge()
        assert "edge.apiKeys: is required in a production stack" in refused(PROD, apiKeys=None)

    @pytest.mark.parametrize("value", [5, "x", ["127.0.0.1", "x"]])
    def test_bind_is_an_address(self, value: Any) -> None:
        assert "edge.bind." in refused(bind=value)

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("127.0.0.1", ["127.0.0.1"]),
            ("::1", ["::1"]),
            ("[::1]", ["::1"]),
            (["0.0.0.0", "[::]"], ["0.0.0.0", "::"]),
            ('["0.0.0.0", "::"]', ["0.0.0.0", "::"]),
        ],
    )
    def test_bind_is_one_address_or_several(self, written: Any, read: list[str]) -> None:
        assert [str(address) for address in edge(bind=written).bind] == read
        workload = server(load("dev", {**DEV, "edge": {"bind": written}}))
        assert [str(port.bind) for port in workload.ports if port.host == 443] == read

    def test_the_first_address_has_the_ports_of_a_single_one_and_no_inner_port_is_published_twice(self) -> None:
        several = server(load("dev", {**DEV, "edge": {"bind": ["127.0.0.1", "::1", "192.0.2.1"]}})).ports
        single = server(load("dev", {**DEV, "edge": {"bind": "127.0.0.1"}})).ports
        assert several[: len(single)] == single
        assert len({port.container for port in several}) == len(several)
