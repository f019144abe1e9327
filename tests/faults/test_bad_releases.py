"""Releases that are no good: they get no traffic, or they are taken back, once; the next good one goes through."""

from typing import Any

import pytest

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack

REQUESTS = Mix(keepalive="4@20ms", get="1@50ms")


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        ({"IMAGE_TAG": "no-start"}, "/missing"),
        ({"env": {"EXIT_AFTER": "0s"}}, "fatal: told to exit"),
        ({"env": {"READY": "never"}}, "did not pass the gate within 6 s"),
        ({"env": {"READY": "flap"}}, "did not pass the gate within 6 s"),
    ],
    ids=["never starts", "exits at once", "is never ready", "is ready every other time"],
)
def test_it_gets_no_traffic(stack: SmallStack, load: LoadClient, bad: dict[str, Any], cause: str) -> None:
    good, before = stack.version, stack.status()
    stack.want(rollout={"gateTimeout": "6s"}, **bad)
    with load.run(stack.url, stack.ca, SOME) as running:
        failed = stack.up(check=False)
    result = running.end()
    assert failed.returncode != 0
    assert cause in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert not result.lost, result.summary()
    assert result.versions == {good}
    assert stack.status()["flips"] == before["flips"]
    assert stack.rollout("rollback").returncode == 3, "what did not pass the gate is nothing to go back to"


def test_the_next_good_release_goes_through(stack: SmallStack) -> None:
    new = stack.release()
    assert stack.versions()[stack.live] == new


@pytest.mark.parametrize("share", ["1", "0.2"])
def test_one_that_fails_requests_is_taken_back_once(stack: SmallStack, load: LoadClient, share: str) -> None:
    good, before = stack.version, stack.status()
    bad = stack.want(rollout={"watch": "10s"}, env={"FAIL": share})
    with load.run(stack.url, stack.ca, REQUESTS) as running:
        failed = stack.up(check=False)
    result = running.end()
    assert failed.returncode != 0
    assert "was taken back: " in failed.stdout
    assert "failed on" in failed.stdout
    assert {request.outcome for request in result.lost} == {"500"}, result.summary()
    assert {request.version for request in result.lost} == {bad}
    after = stack.status()
    assert after["live"] == before["live"]
    assert after["generation"] == before["generation"] + 2, "one flip, and one back"
    assert stack.versions()[after["live"]] == good
    taken = max(request.end for request in result.requests if request.version == bad)
    flipped = result.first(bad)
    assert taken - flipped < 5, "long before the watch was over"
    assert [found["release"] for found in after["rejected"]][-1] == after["colours"][stack.idle]["release"]


def test_one_that_dies_under_watch_is_taken_back(stack: SmallStack, load: LoadClient) -> None:
    good, before = stack.version, stack.status()
    bad = stack.want(rollout={"watch": "15s"}, env={"EXIT_AFTER": "6s"})
    with load.run(stack.url, stack.ca, REQUESTS) as running:
        failed = stack.up(check=False)
    result = running.end()
    assert failed.returncode != 0
    assert (
        "ended and was restarted" in failed.stdout or "is restarting" in failed.stdout or "failed on" in failed.stdout
    )
    assert bad in result.versions
    assert len(result.lost) <= 5, f"at most what its five clients had in flight\n{result.summary()}"
    after = stack.status()
    assert (after["live"], after["generation"]) == (before["live"], before["generation"] + 2)
    assert stack.versions()[after["live"]] == good


def test_one_that_does_not_do_its_work_is_held_at_the_gate(stack: SmallStack, load: LoadClient) -> None:
    """Its smoke request is answered, but not as it should be."""
    good, before = stack.version, stack.status()
    smoke = {"path": "/v1/chat", "body": "{}", "expect": "something else"}
    stack.want(rollout={"gateTimeout": "6s"}, api={"smoke": smoke})
    with load.run(stack.url, stack.ca, REQUESTS) as running:
        failed = stack.up(check=False)
    result = running.end()
    assert failed.returncode != 0
    assert "does not do its work" in failed.stdout
    assert not result.lost, result.summary()
    assert result.versions == {good}
    assert stack.status()["flips"] == before["flips"]
