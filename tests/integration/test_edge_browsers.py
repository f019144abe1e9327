"""Pages of other origins: what a browser asks before it sends a key, and what it may then read."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.edge import OPEN, EdgeStack, error_code, refusal

KEY = secrets.token_hex(32)
KEYS = {"page": {"keys": [KEY]}}
PAGE = "https://chat.example.com"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
}


@pytest.fixture(scope="class")
def off(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN, apiKeys=KEYS)
    return edge


class TestOff:
    def test_a_preflight_is_the_api_s_to_answer(self, off: EdgeStack) -> None:
        with off.client() as client:
            answer = client.options("/v1/seen", headers=PREFLIGHT)
            assert (answer.status_code, answer.json()["method"]) == (200, "OPTIONS")
            assert off.log(answer.headers["x-request-id"])["key"] == ""

    @pytest.mark.parametrize("lacking", ["Origin", "Access-Control-Request-Method"])
    def test_what_is_none_needs_a_key(self, off: EdgeStack, lacking: str) -> None:
        with off.client() as client:
            some = {name: value for name, value in PREFLIGHT.items() if name != lacking}
            assert error_code(client.options("/v1/seen", headers=some)) == refusal(401)
            assert error_code(client.post("/v1/seen", headers=PREFLIGHT)) == refusal(401)

    @pytest.mark.parametrize("chunked", [False, True])
    def test_with_a_body_it_is_none_either(self, off: EdgeStack, chunked: bool) -> None:
        body = b'{"model": "m"}'
        with off.client() as client:
            asked = client.build_request(
                "OPTIONS", "/v1/seen", headers=PREFLIGHT, content=iter([body]) if chunked else body
            )
            assert error_code(client.send(asked)) == refusal(401)

    def test_an_empty_body_is_no_body(self, off: EdgeStack) -> None:
        with off.client() as client:
            asked = client.build_request("OPTIONS", "/v1/seen", headers={**PREFLIGHT, "Content-Length": "0"})
            assert client.send(asked).status_code == 200


@pytest.fixture(scope="class")
def on(edge: EdgeStack) -> EdgeStack:
    cors = {"origins": [PAGE, "http://localhost:3000"], "credentials": True}
    edge.configure(**OPEN, apiKeys=KEYS, cors=cors, headerLimit="16k")
    return edge


def allowed(answer: httpx.Response) -> dict[str, str]:
    """What an answer says to a browser."""
    begin = "access-control-"
    return {name.removeprefix(begin): value for name, value in answer.headers.items() if name.startswith(begin)}


class TestOn:
    @pytest.fixture
    def client(self, on: EdgeStack) -> Iterator[httpx.Client]:
        with on.client() as client:
            yield client

    def test_the_edge_answers_a_preflight(self, client: httpx.Client) -> None:
        answer = client.options("/v1/chat", headers=PREFLIGHT)
        assert (answer.status_code, answer.content) == (204, b"")
        assert allowed(answer) == {
            "allow-origin": PAGE,
            "allow-credentials": "true",
            "allow-methods": "GET, HEAD, POST, OPTIONS",
            "allow-headers": PREFLIGHT["Access-Control-Request-Headers"],
            "expose-headers": "X-Request-ID, Retry-After, WWW-Authenticate",
            "max-age": "600",
        }
        assert answer.headers["vary"] == "Origin"

    def test_an_answer_can_be_read(self, client: httpx.Client) -> None:
        answer = client.get("/v1/hello", headers={"Origin": PAGE, "Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200
        assert allowed(answer)["allow-origin"] == PAGE
        assert "allow-methods" not in allowed(answer)

    @pytest.mark.parametrize(
        ("path", "key", "status"), [("/v1/hello", "wrong", 401), ("/none", KEY, 404)], ids=["no key", "no path"]
    )
    def test_so_can_a_refusal(self, client: httpx.Client, path: str, key: str, status: int) -> None:
        answer = client.get(path, headers={"Origin": PAGE, "Authorization": f"Bearer {key}"})
        assert error_code(answer) == refusal(status)
        assert allowed(answer)["allow-origin"] == PAGE

    def test_large_cookies_of_single_sign_on_pass_with_one_setting(self, client: httpx.Client) -> None:
        cookies = "; ".join(f"part{number}={'x' * 4000}" for number in range(4))[:16000]
        answer = client.get("/v1/seen", headers={"Cookie": cookies, "X-Api-Key": KEY})
        assert answer.json()["headers"]["Cookie"] == [cookies]
        place = "https://elsewhere.example/" + "x" * 15000
        answer = client.get("/v1/moved", params={"to": place}, headers={"X-Api-Key": KEY})
        assert answer.headers["location"] == place, "an answer's head may repeat them"

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", f"{PAGE}.evil.example", "http://chat.example.com", "null"]
    )
    def test_others_are_told_nothing(self, client: httpx.Client, origin: str) -> None:
        assert allowed(client.options("/v1/chat", headers={**PREFLIGHT, "Origin": origin})) == {}
        assert allowed(client.get("/v1/hello", headers={"Origin": origin, "X-Api-Key": KEY})) == {}
        assert allowed(client.get("/v1/hello", headers={"X-Api-Key": KEY})) == {}

    def test_a_header_that_is_none_is_not_repeated(self, client: httpx.Client) -> None:
        asked = {**PREFLIGHT, "Access-Control-Request-Headers": 'x"; evil'}
        assert "allow-headers" not in allowed(client.options("/v1/chat", headers=asked))


def test_any_origin(edge: EdgeStack) -> None:
    edge.configure(**OPEN, cors={"origins": ["*"]})
    with edge.client() as client:
        for origin in (PAGE, "https://other.example", "null"):
            assert allowed(client.options("/v1/chat", headers={**PREFLIGHT, "Origin": origin}))["allow-origin"] == "*"
        answer = client.get("/v1/hello", headers={"Origin": PAGE})
        assert (allowed(answer)["allow-origin"], "allow-credentials" in allowed(answer)) == ("*", False)
        assert allowed(answer)["expose-headers"] == "*"
        assert "vary" not in answer.headers
