"""API keys at the running edge: who comes in, what they may do, and where a key can be seen."""

import secrets
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.edge import OPEN, EdgeStack, error_code, refusal
from tools.lab.wait import eventually

APP, JOBS, NEXT = (secrets.token_hex(32) for _ in range(3))
KEYS: dict[str, Any] = {
    "app": {"keys": [APP]},
    "batch-jobs": {"keys": [JOBS], "paths": ["/v1/hello"]},
    "locked": {"keys": []},
}


@pytest.fixture(scope="module")
def stack(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN, apiKeys=KEYS)
    return edge


@pytest.fixture
def client(stack: EdgeStack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "headers",
    [
        bearer(APP),
        {"Authorization": f"bearer  {APP}"},
        {"X-Api-Key": APP},
        {"Api-Key": APP},
        {"Authorization": "Basic eDp5", "X-Api-Key": APP},
    ],
)
def test_a_key_opens(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.get("/v1/hello", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        bearer(APP[:-1]),
        bearer(APP + "0"),
        bearer(APP.upper()),
        bearer(f"{APP} {APP}"),
        bearer("app"),
        {"Authorization": APP},
        {"Authorization": f"Basic {APP}"},
        {"X-Api-Key": f"{APP}, {APP}"},
        {"Cookie": f"X-Api-Key={APP}"},
    ],
)
def test_nothing_else_does(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/v1/echo", headers=headers, content=b"x" * 100_000)
    assert error_code(answer) == refusal(401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="localhost"'


def test_not_even_its_own_check(client: httpx.Client) -> None:
    assert client.get("/-/key", headers=bearer(APP)).status_code == 404
    assert client.get(f"/v1/hello?key={APP}").status_code == 401


def test_two_different_keys_at_once_are_none(stack: EdgeStack) -> None:
    both = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {APP}")]
    with stack.client() as client:
        request = httpx.Request("GET", f"{stack.url}/v1/hello", headers=both)
        assert client.send(request).status_code in (400, 401)


def test_a_key_with_paths_of_its_own_has_no_others(client: httpx.Client) -> None:
    assert client.get("/v1/hello", headers=bearer(JOBS)).status_code == 200
    assert error_code(client.get("/v1/seen", headers=bearer(JOBS))) == refusal(403)
    assert error_code(client.get("/v1/%73een", headers=bearer(JOBS))) == refusal(403)
    assert client.get("/v1/seen", headers=bearer(APP)).status_code == 200


def test_the_api_is_told_the_id_and_not_the_key(client: httpx.Client) -> None:
    for headers in (bearer(APP), {"X-Api-Key": APP}, {"Api-Key": APP}):
        answer = client.get("/v1/seen", headers=headers | {"X-Orca-Key-Id": "batch-jobs"})
        assert answer.json()["headers"]["X-Orca-Key-Id"] == ["app"]
        assert APP not in answer.text


def test_the_log_has_the_id_and_not_the_key(stack: EdgeStack, client: httpx.Client) -> None:
    known = client.get("/v1/hello", headers=bearer(APP)).headers["x-request-id"]
    unknown = client.get("/v1/hello", headers=bearer(NEXT)).headers["x-request-id"]
    assert stack.log(known)["key"] == "app"
    assert (stack.log(unknown)["key"], stack.log(unknown)["status"]) == ("", "401")
    log = stack.container("nginx").logs().decode()
    assert not [key for key in (APP, JOBS, NEXT) if key in log]


def test_the_key_is_in_no_file_and_in_no_state(stack: EdgeStack) -> None:
    assert stack.in_state(f"grep -r {APP} /etc/edge /etc/edge-certificates /var/lib/edge").returncode == 1
    assert APP not in stack.pulumi("stack", "export").stdout
    containers = stack.engine.containers.list(all=True, ignore_removed=True)
    assert APP not in str([container.attrs for container in containers])


@pytest.mark.parametrize(
    "path",
    [
        "/api/pull",
        "/api/create",
        "/api/copy",
        "/api/delete",
        "/api/push",
        "/api/blobs/sha256:0",
        "/api/me",
        "/api/signout",
        "/api/experimental/web_search",
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "GET", "HEAD"])
def test_no_key_manages_models(client: httpx.Client, method: str, path: str) -> None:
    for form in (path, "/" + path, path.replace("api", "%61pi"), f"/v1/..{path}", f"/v1/%2e%2e{path}"):
        answer = client.request(method, form, headers=bearer(APP))
        assert answer.status_code == (405 if method == "DELETE" else 404), form


def test_a_key_is_changed_for_another_without_a_gap(stack: EdgeStack) -> None:
    """The old value, both, the new one: each a reload, while a client goes on asking."""
    started = stack.container("nginx").attrs["State"]["StartedAt"]
    ended, codes, current = threading.Event(), [], APP

    def ask() -> None:
        with stack.client() as client:
            while not ended.is_set():
                codes.append(client.get("/v1/hello", headers=bearer(current)).status_code)
                ended.wait(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        eventually(lambda: len(codes) > 20, 30, "the client asks")
        stack.configure(**OPEN, apiKeys={**KEYS, "app": {"keys": [APP, NEXT]}})
        current = NEXT
        stack.configure(**OPEN, apiKeys={**KEYS, "app": {"keys": [NEXT]}})
        asked = len(codes)
        eventually(lambda: len(codes) > asked + 20, 30, "the client goes on")
    finally:
        ended.set()
        asking.join()
    assert set(codes) == {200}
    with stack.client() as client:
        assert client.get("/v1/hello", headers=bearer(APP)).status_code == 401
    assert stack.container("nginx").attrs["State"]["StartedAt"] == started
    stack.configure(**OPEN, apiKeys=KEYS)
