"""Redirects: those that an API makes of its own address lead to the edge, all others where they led before."""

import pytest

from tests.integration.edge import OPEN, EdgeStack


@pytest.fixture(scope="module")
def stack(edge: EdgeStack) -> EdgeStack:
    edge.configure(**OPEN)
    return edge


@pytest.mark.parametrize(
    "own",
    ["http://localhost", "http://localhost:8000", "https://localhost", "http://{host}", "http://0.0.0.0:8000"],
)
def test_to_the_api_itself(stack: EdgeStack, own: str) -> None:
    place = own.format(host=f"localhost:{stack.ports[1]}")
    with stack.client() as client:
        answer = client.post("/v1/moved", params={"to": f"{place}/v1/chat?a=b"}, content=b"{}")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{stack.url}/v1/chat?a=b"


@pytest.mark.parametrize("place", ["https://elsewhere.example/v1", "http://localhost:9999/v1", "/v1/chat", "../chat"])
def test_to_anywhere_else(stack: EdgeStack, place: str) -> None:
    with stack.client() as client:
        assert client.get("/v1/moved", params={"to": place}).headers["location"] == place
