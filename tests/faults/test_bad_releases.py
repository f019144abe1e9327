"""Releases that are no good: they get no traffic, or they are taken back, once; the next good one goes through."""

import re
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack, wait_for_phase

REQUESTS = Mix(keepalive="4@20ms", get="1@50ms")
OWN = re.compile(r"watch \d+/\d+ s, 0 of 0 failed on \w+; (\d) of (\d) requests of our own answered")
"""What a watch says in which nobody else asked."""


def _raw(body: bytes) -> bytes:
    """A request that the backend answers with `body`, as the bytes on its connection."""
    return b"POST /v1/raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


EDGE_FAILS = {
    "an answer with a head too long": _raw(b"HTTP/1.1 200 OK\r\nX: " + 100_000 * b"x" + b"\r\n\r\n"),
    "an answer with a malformed head": _raw(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"),
    "an unknown transfer coding": b"GET /v1/hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: foo\r\n\r\n",
    "an unknown version": b"GET /v1/hello HTTP/3.0\r\nHost: localhost\r\n\r\n",
}
"""Requests that make the edge answer 5xx by itself, or as nginx has it: 501 and 505 leave as 400."""


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
    bad = stack.want(rollout={"watch": "30s"}, env={"FAIL": share})
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
    assert taken - flipped < 15, "long before the watch was over"
    assert [found["release"] for found in after["rejected"]][-1] == after["colours"][stack.idle]["release"]


def test_one_that_dies_under_watch_is_taken_back(stack: SmallStack, load: LoadClient) -> None:
    good, before = stack.version, stack.status()
    # Before that it has to pass the gate, which takes its time on a busy machine.
    bad = stack.want(rollout={"watch": "40s"}, env={"EXIT_AFTER": "25s"})
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


def test_one_that_failed_its_gate_and_was_reverted_is_nothing_to_roll_back_to(stack: SmallStack) -> None:
    good, before = stack.version, stack.status()
    smoke = {"path": "/v1/chat", "body": "{}", "expect": "something else"}
    stack.want(rollout={"gateTimeout": "6s"}, api={"smoke": smoke}, env={"FAIL": "1"})
    assert stack.up(check=False).returncode != 0
    assert "Not finished: " in stack.rollout("status").stdout
    stack.want_again(good)
    stack.up()
    assert stack.status()["phase"] == "done"
    refused = stack.rollout("rollback")
    assert refused.returncode == 3
    assert "has not been live" in refused.stderr
    assert (stack.live, stack.status()["flips"]) == (before["live"], before["flips"])
    assert "unreleased" in stack.rollout("status").stdout


def test_a_watch_asks_when_nobody_else_does(stack: SmallStack) -> None:
    stack.want(rollout={"watch": "8s"})
    asked = OWN.findall(stack.up().stdout)
    assert asked[-1] == ("3", "3")


def test_a_watch_does_not_ask_when_others_do(stack: SmallStack, load: LoadClient) -> None:
    stack.want(rollout={"watch": "6s"})
    with load.run(stack.url, stack.ca, REQUESTS) as running:
        said = stack.up().stdout
    assert not running.end().lost
    assert "watch 6/6 s, 0 of " in said
    assert "of our own" not in said


def test_without_a_smoke_request_only_readiness_is_asked(stack: SmallStack) -> None:
    stack.want(rollout={"watch": "2s"}, api={"smoke": "off"})
    assert "without a smoke request only readiness is asked" in stack.up().stdout


def test_an_answer_that_takes_longer_than_the_watch_is_no_failure(stack: SmallStack) -> None:
    stack.want(rollout={"watch": "2s"}, env={"CHAT": "4s"})
    asked = OWN.findall(stack.up().stdout)
    assert asked[-1] == ("0", "1")


def _must_be_taken_back(stack: SmallStack, said: str, good: str, before: dict[str, Any]) -> None:
    assert "was taken back: 3 of 3 failed on " in said
    assert "0 of 3 requests of our own answered" in said
    after = stack.status()
    assert (after["live"], after["generation"]) == (before["live"], before["generation"] + 2)
    assert stack.versions()[after["live"]] == good
    assert [found["release"] for found in after["rejected"]][-1] == after["colours"][stack.idle]["release"]


def test_one_that_fails_while_nobody_asks_is_taken_back(stack: SmallStack) -> None:
    """It passes the gate, and answers real requests with 500 from then on."""
    good, before = stack.version, stack.status()
    stack.want(rollout={"watch": "15s"}, env={"FAIL_AFTER": "1"})
    failed = stack.up(check=False)
    assert failed.returncode != 0
    _must_be_taken_back(stack, failed.stdout, good, before)


def test_one_that_is_promoted_while_nobody_asks_is_taken_back(stack: SmallStack) -> None:
    good, before = stack.version, stack.status()
    stack.want(rollout={"watch": "15s", "promote": "manual"}, env={"FAIL_AFTER": "1"})
    stack.up()
    failed = stack.rollout("promote")
    assert failed.returncode == 4
    _must_be_taken_back(stack, failed.stderr, good, before)


def test_a_watch_that_is_continued_asks_too(stack: SmallStack) -> None:
    good, before = stack.version, stack.status()
    stack.want(rollout={"watch": "40s"}, env={"FAIL_AFTER": "1"})  # it first asks after a quarter, killed by then
    deployer = stack.up_in_background()
    wait_for_phase(stack, "watching", deployer)
    stack.kill(deployer)
    stack.end_orphans()
    failed = stack.up(check=False)
    assert failed.returncode != 0
    _must_be_taken_back(stack, failed.stdout, good, before)


@contextmanager
def _sent_all_the_time(stack: SmallStack) -> Iterator[dict[str, set[str]]]:
    """Send `EDGE_FAILS` in turn, each over a connection of its own, and give the statuses that came."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    port, over = urlsplit(stack.url).port, threading.Event()
    came: dict[str, set[str]] = defaultdict(set)

    def send() -> None:
        while not over.wait(0.02):
            for kind, request in EDGE_FAILS.items():
                with (
                    socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                    context.wrap_socket(plain, server_hostname="localhost") as connection,
                ):
                    connection.sendall(request)
                    came[kind].add(connection.recv(16).decode().split()[1])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield came
    finally:
        over.set()
        sender.join()


def test_what_the_edge_fails_by_itself_is_not_held_against_a_release(stack: SmallStack) -> None:
    new = stack.want(rollout={"watch": "8s"})
    with _sent_all_the_time(stack) as came:
        said = stack.up().stdout
    assert stack.versions()[stack.live] == new
    assert list(came.values()) == [{"502"}, {"502"}, {"400"}, {"400"}], came
    assert OWN.findall(said)[-1] == ("3", "3"), "such requests prove nothing about a release"
