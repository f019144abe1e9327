"""Kept connections to the API: no POST meets a connection that the API closes, and an idle one is no request."""

import time

import pytest

from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack

# The pauses of the last clients are about as long as the edge and the APIs below keep a connection.
POSTS = Mix(keepalive="4@0s,4@1ms,8@30ms,8@500ms,8@990ms,8@1010ms,4@1990ms", fresh="2@20ms")


def keeps(stack: SmallStack) -> bool:
    """Whether the edge keeps connections to the live colour."""
    return stack.in_state(f"test -f kept-{stack.live}").returncode == 0


@pytest.mark.parametrize(
    ("api", "kept"),
    [
        ({}, True),
        ({"IDLE": "5s"}, True),
        ({"IDLE": "2s"}, True),
        ({"IDLE": "1200ms"}, False),
        ({"IDLE": "1ms"}, False),
        ({"CLOSE": "1"}, False),
        ({"CLOSE": "50"}, False),
        ({"CLOSE": "150"}, True),
        ({"CLOSE": "1 said"}, True),
        ({"CLOSE": "50 said"}, True),
    ],
    ids=lambda value: " ".join(f"{name}={said}" for name, said in value.items()) if isinstance(value, dict) else "",
)
def test_no_post_is_lost_on_a_closing_connection(
    stack: SmallStack, load: LoadClient, api: dict[str, str], kept: bool
) -> None:
    """APIs that close a connection after a time, or after some requests, with a word or without."""
    stack.version = stack.want(env=api)
    said = stack.up().stdout
    assert keeps(stack) is kept
    assert ("api.keepAlive" in said) is not kept
    with load.run(stack.url, stack.ca, POSTS) as running:
        time.sleep(6)
        running.wait_answers(1_000)
    result = running.end()
    assert not result.lost, result.summary()


def test_off_keeps_none(stack: SmallStack) -> None:
    assert keeps(stack)
    stack.release(api={"keepAlive": "off"})
    assert not keeps(stack)
    assert stack.rollout("rollback").returncode == 0
    assert keeps(stack)


def test_an_idle_connection_is_no_request_in_flight(stack: SmallStack, load: LoadClient) -> None:
    """Neither for `status` nor for a drain that has no time."""
    with load.run(stack.url, stack.ca, Mix(keepalive="20@0s")) as running:
        time.sleep(1)
    busy = running.end()
    status = stack.status()
    assert status["colours"][stack.live]["inFlight"] == 0
    with load.run(stack.url, stack.ca, Mix(keepalive="20@0s")) as running:
        stack.release(rollout={"drainTimeout": "0s"})
        stack.release(rollout={"drainTimeout": "0s"})
    for result in (busy, running.end()):
        assert not result.lost, result.summary()
