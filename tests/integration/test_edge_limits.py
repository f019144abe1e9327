"""Limits of the running edge: by time and at the same moment, per address, per key and for the server."""

import secrets
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from tests.integration.edge import COMPLETION, OPEN, EdgeStack, error_code, refusal
from tools.lab.wait import eventually

ONE, OTHER, SLOW = (secrets.token_hex(32) for _ in range(3))
KEYS: dict[str, Any] = {
    "one": {"keys": [ONE]},
    "other": {"keys": [OTHER]},
    "slow": {"keys": [SLOW], "rate": "6/m", "concurrency": 1},
}
PLENTY = {"address": "1000/s", "server": "1000/s"}
MANY = {"address": 1000, "key": 1000, "server": 1000}
AT_ONCE = {
    **MANY,
    "completions": {"address": 1000, "key": 3, "server": 5},
    "bodies": {"address": 1000, "server": 4},
}


def ask(client: httpx.Client, path: str, times: int, **headers: str) -> list[httpx.Response]:
    """As many requests at once as a few connections give."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: client.get(path, headers=headers), range(times)))


def ask_past(client: httpx.Client, path: str, rate: int, **headers: str) -> Counter[int]:
    """Ask faster than `rate` a second, and check what passes: a second's worth at once, the rest in time."""
    begin = time.monotonic()
    seen = codes(ask(client, path, 6 * rate, **headers))
    refused = seen.pop(429, 0)
    assert 0 < seen.total() <= rate + rate * (time.monotonic() - begin) + 1
    assert refused
    return seen


def codes(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def streaming(client: httpx.Client, count: int, key: str, seconds: int = 30) -> Iterator[None]:
    """Hold so many completions, all of which have begun."""
    with ExitStack() as held:
        for _ in range(count):
            answer = held.enter_context(client.stream("GET", f"{COMPLETION}?seconds={seconds}", headers=bearer(key)))
            assert answer.status_code == 200
        yield


@contextmanager
def refused_bodies(stack: EdgeStack, path: str, length: int, count: int) -> Iterator[None]:
    """Hold so many requests without a key that have their answer, while the edge goes on dropping their bodies."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nx"
    with ExitStack() as held:
        for _ in range(count):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10))
            connection = held.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            connection.sendall(head.encode())
            assert connection.recv(12) == b"HTTP/1.1 401"
        yield


@pytest.fixture(scope="class")
def by_time(edge: EdgeStack) -> EdgeStack:
    limits = {"address": "20/s", "server": "1000/s"}
    completions = {"address": "6/m", "server": "1000/s"}
    edge.configure(concurrency="off", rateLimit={**limits, "completions": completions})
    return edge


class TestByTime:
    def test_an_address_gets_its_rate_and_no_more(self, by_time: EdgeStack) -> None:
        """Of what comes at once as much as the rate; over three seconds as much as in three seconds."""
        passed, refused = 0, []
        with by_time.client() as client:
            client.get("/none")  # connects; it is no request of an API, and has no limit
            begin = time.monotonic()
            while time.monotonic() - begin < 3:
                answer = client.get("/v1/hello")
                passed += answer.status_code == 200
                refused += [answer] if answer.status_code != 200 else []
        assert passed == pytest.approx(20 + 3 * 20, rel=0.1)
        assert {error_code(answer) for answer in refused} == {refusal(429)}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert {answer.headers["x-frame-options"] for answer in refused} == {"DENY"}

    def test_completions_have_a_stricter_one(self, by_time: EdgeStack) -> None:
        time.sleep(1.5)
        with by_time.client() as client:
            answers = ask(client, COMPLETION, 10)
            refused = [answer for answer in answers if answer.status_code == 429]
            assert codes(answers) == {200: 6, 429: 4}
            assert {answer.headers["retry-after"] for answer in refused} == {"10"}
            assert client.get("/v1/hello").status_code == 200
            assert client.get("/v1//%73tream").status_code == 429, "however it is written"
            line = by_time.log(refused[0].headers["x-request-id"])
        assert (line["class"], line["limit_rate"], line["upstream_addr"]) == ("completion", "REJECTED", "")


@pytest.fixture(scope="class")
def by_key(edge: EdgeStack) -> EdgeStack:
    rates = {"address": "1000/s", "key": "10/s", "server": "1000/s"}
    completions = {"address": "1000/s", "key": "60/m", "server": "1000/s"}
    edge.configure(concurrency="off", apiKeys=KEYS, rateLimit={**rates, "completions": completions})
    return edge


class TestByTimeAndKey:
    def test_each_key_has_its_own(self, by_key: EdgeStack) -> None:
        with by_key.client() as client:
            assert set(ask_past(client, "/v1/hello", 10, **bearer(ONE))) == {200}
            assert codes(ask(client, "/v1/hello", 5, **bearer(OTHER))) == {200: 5}

    def test_one_may_be_given_less(self, by_key: EdgeStack) -> None:
        with by_key.client() as client:
            assert codes(ask(client, COMPLETION, 10, **bearer(SLOW))) == {200: 6, 429: 4}
            time.sleep(1.2)
            assert codes(ask(client, COMPLETION, 10, **bearer(ONE))) == {200: 10}

    def test_wrong_keys_count_for_their_address(self, by_key: EdgeStack) -> None:
        by_key.configure(concurrency="off", apiKeys=KEYS, rateLimit={"address": "5/s"})
        with by_key.client() as client:
            assert set(ask_past(client, "/v1/hello", 5)) == {401}

    @pytest.mark.parametrize("path", ["/v1/hello", COMPLETION])
    def test_they_use_up_nothing_of_the_clients_with_a_key(self, by_key: EdgeStack, path: str) -> None:
        """Preflights, which need no key, are no completions either."""
        completions = {"address": "1000/s", "server": "12/m"}
        rates = {"address": "1000/s", "server": "60/m", "completions": completions}
        by_key.configure(concurrency="off", apiKeys=KEYS, rateLimit=rates)
        preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
        with by_key.client() as client:
            assert codes(ask(client, path, 90, **bearer("wrong"))) == {401: 90}
            for _ in range(16):
                client.options(COMPLETION, headers=preflight)
            assert codes(ask(client, path, 4, **bearer(ONE))) == {200: 4}


class TestForTheServer:
    def test_all_clients_together(self, edge: EdgeStack) -> None:
        edge.configure(concurrency="off", rateLimit={**PLENTY, "server": "10/s"})
        with edge.client() as client:
            assert set(ask_past(client, "/v1/hello", 10)) == {200}

    def test_no_limit_is_no_limit(self, edge: EdgeStack) -> None:
        edge.configure(**OPEN)
        with edge.client() as client:
            assert codes(ask(client, COMPLETION, 300)) == {200: 300}


@pytest.fixture(scope="class")
def at_once(edge: EdgeStack) -> EdgeStack:
    edge.configure(rateLimit="off", apiKeys=KEYS, concurrency=AT_ONCE)
    return edge


class TestAtOnce:
    @pytest.fixture
    def client(self, at_once: EdgeStack) -> Iterator[httpx.Client]:
        with at_once.client() as client:
            yield client

    def test_a_key_has_so_many_completions_and_not_one_more(self, at_once: EdgeStack, client: httpx.Client) -> None:
        with streaming(client, 3, ONE):
            begin = time.monotonic()
            answer = client.get(COMPLETION, headers=bearer(ONE))
            assert time.monotonic() - begin < 5, "at once: the three go on for 30 s"
            assert error_code(answer) == refusal(503)
            assert answer.headers["retry-after"] == "5"
            line = at_once.log(answer.headers["x-request-id"])
            assert (line["key"], line["limit_concurrency"], line["colour"]) == ("one", "REJECTED", "none")
            assert client.get("/v1/hello", headers=bearer(ONE)).status_code == 200, "only completions are scarce"
            assert client.get(COMPLETION, headers=bearer(OTHER)).status_code == 200, "the others are not"

    def test_one_may_be_given_less(self, client: httpx.Client) -> None:
        with streaming(client, 1, SLOW):
            assert client.get(COMPLETION, headers=bearer(SLOW)).status_code == 503

    def test_all_keys_together(self, client: httpx.Client) -> None:
        with streaming(client, 3, ONE), streaming(client, 2, OTHER):
            assert client.get(COMPLETION, headers=bearer(OTHER)).status_code == 503

    @pytest.mark.parametrize(("path", "length"), [(COMPLETION, 500_000), ("/v1/echo", 1_000_000)])
    def test_clients_without_a_key_take_no_place(
        self, at_once: EdgeStack, client: httpx.Client, path: str, length: int
    ) -> None:
        """More refused requests than all clients may have at once; their bodies do not come."""
        with refused_bodies(at_once, path, length, 8):
            assert client.get(COMPLETION, headers=bearer(ONE)).status_code == 200
            large = client.post("/v1/echo", headers=bearer(ONE), content=b"x" * 1_000_000)
            assert large.status_code == 200

    def test_a_client_that_leaves_makes_room(self, at_once: EdgeStack, client: httpx.Client) -> None:
        def in_flight() -> int:
            found: int = at_once.status()["colours"][at_once.live]["inFlight"]
            return found

        with streaming(client, 3, ONE, seconds=300):
            assert in_flight() == 3
        eventually(lambda: in_flight() == 0, 5, "the API has been left too")
        assert client.get(COMPLETION, headers=bearer(ONE)).status_code == 200

    def test_a_full_house_is_no_obstacle_to_a_release(self, at_once: EdgeStack, client: httpx.Client) -> None:
        """The gate and the flip have a door of their own, and a refusal is no failure of the new colour."""
        with streaming(client, 3, ONE, seconds=120), streaming(client, 2, OTHER, seconds=120):
            at_once.release(edge={"rateLimit": "off", "apiKeys": KEYS, "concurrency": AT_ONCE})
            assert client.get(COMPLETION, headers=bearer(ONE)).status_code == 503
            assert client.get("/v1/hello", headers=bearer(ONE)).text.strip() == at_once.version
