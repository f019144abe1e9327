"""The watch's own requests: when they are sent, what counts, and what takes a release back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from engine.errors import NotRunning
from rollout import own, smoke
from rollout.accesslog import Score, Tally, undoing
from rollout.arguments import Smoke, Terms
from rollout.claim import Claim
from rollout.colours import Replica
from rollout.gate import NOT_ASKED
from rollout.smoke import Answer
from tools.lab.wait import eventually

SMOKE = Smoke(method="POST", path="/v1/chat", body="{}", expect="[DONE]", timeout=5)
TERMS = Terms(passes=1, watch=1, error_ratio=0.05, smoke=SMOKE)
CLAIM = Claim(None, held="")  # type: ignore[arg-type]  # only `send` uses its edge
ONE = (Replica(name="x-api-green", colour="green", index=0),)
TWO = (*ONE, Replica(name="x-api-green-2", colour="green", index=1))
GOOD = Answer(code=200, text="[DONE]", seconds=0.1, right=True)
BAD = Answer(code=500, text="told to fail", seconds=0.1, right=False)
NONE = Answer(code=0, text="", seconds=1, right=False)


@dataclass
class Asked:
    """Stands for the sending; notes what was sent, and gives `answer`."""

    answer: Callable[[float], Answer]
    replicas: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    def __call__(self, _claim: Claim, replica: Replica, _smoke: Smoke, *, timeout: float) -> Answer:
        self.replicas.append(replica.name)
        self.timeouts.append(timeout)
        return self.answer(timeout)


class Clock:
    """The time of a watch, and the event that ends it."""

    def __init__(self) -> None:
        self._now, self._set = 0.0, False
        self.is_set, self.monotonic = lambda: self._set, lambda: self._now

    def wait(self, seconds: float) -> None:
        self._now += seconds

    def set(self) -> None:
        self._set = True


@dataclass
class AtOnce:
    """Stands for a thread: does its work when it is started."""

    target: Callable[..., None]
    args: list[Any]
    daemon: bool

    def start(self) -> None:
        self.target(*self.args)


def watched(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[float], Answer],
    *,
    replicas: tuple[Replica, ...] = ONE,
    terms: Terms = TERMS,
    quiet: bool = True,
) -> tuple[own.OwnRequests, Asked]:
    """The requests of a whole watch of one second, by a clock that moves when somebody waits."""
    asked, clock = Asked(answer), Clock()
    monkeypatch.setattr(own, "send", asked)
    monkeypatch.setattr(own, "_PAUSE", 0.01)
    monkeypatch.setattr(own, "time", clock)
    monkeypatch.setattr(own, "threading", SimpleNamespace(Event=lambda: clock, Thread=AtOnce))
    monkeypatch.setattr(time, "sleep", clock.wait)
    requests = own.OwnRequests(CLAIM, replicas, terms, quiet=lambda: quiet)
    requests.close()
    return requests, asked


def test_it_asks_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    requests, asked = watched(monkeypatch, lambda _: GOOD)
    assert requests.score == Score(total=3, failed=0)
    assert str(requests) == "; 3 of 3 requests of our own answered"
    assert asked.timeouts == sorted(asked.timeouts, reverse=True), "none outlasts the watch"
    assert 0 < asked.timeouts[-1] <= 0.25


def test_it_asks_every_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = watched(monkeypatch, lambda _: GOOD, replicas=TWO)
    assert asked.replicas == ["x-api-green", "x-api-green-2"] * 3


def test_it_does_not_ask_while_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    requests, asked = watched(monkeypatch, lambda _: GOOD, quiet=False)
    assert asked.replicas == []
    assert str(requests) == ""


def test_a_failed_one_is_repeated_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(lambda _: BAD)
    monkeypatch.setattr(own, "send", asked)
    monkeypatch.setattr(own, "_PAUSE", 0.01)
    requests = own.OwnRequests(CLAIM, ONE, replace(TERMS, watch=4), quiet=lambda: True)
    eventually(lambda: requests.score.failed == 3, 1.9, "all at the first quarter")
    requests.close()
    assert str(requests) == "; 0 of 3 requests of our own answered"
    assert "watch: POST /v1/chat of our own failed on x-api-green: 500: told to fail" in capsys.readouterr().err


def test_an_answer_that_the_end_cuts_off_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(timeout: float) -> Answer:
        time.sleep(timeout)
        return NONE

    requests, asked = watched(monkeypatch, slow)
    eventually(lambda: len(asked.replicas) == 1, 1, "one is sent")
    time.sleep(0.05)
    assert requests.score == Score()
    assert str(requests) == "; 0 of 1 requests of our own answered"


def test_one_without_an_answer_in_its_own_time_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    requests, asked = watched(monkeypatch, lambda _: NONE, terms=replace(TERMS, smoke=replace(SMOKE, timeout=0.2)))
    assert requests.score.failed >= 3
    assert asked.timeouts[0] == 0.2


def test_a_replica_that_the_edge_does_not_ask_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    requests, _ = watched(monkeypatch, lambda _: replace(BAD, code=NOT_ASKED))
    assert (requests.score, str(requests)) == (Score(), "")


@pytest.mark.parametrize("error", [APIError("no answer"), NotRunning("x-nginx is exited.")])
def test_an_engine_that_is_away_is_no_failure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def away(_: float) -> Answer:
        raise error

    requests, asked = watched(monkeypatch, away)
    assert requests.score == Score()
    assert len(asked.replicas) > 3, "it tries again"


@pytest.mark.parametrize(("quiet", "said"), [(True, "; without a smoke request only readiness is asked"), (False, "")])
def test_without_a_smoke_request_it_sends_none(monkeypatch: pytest.MonkeyPatch, quiet: bool, said: str) -> None:
    requests, asked = watched(monkeypatch, lambda _: GOOD, terms=replace(TERMS, smoke=None), quiet=quiet)
    assert asked.replicas == []
    assert str(requests) == said


@pytest.mark.parametrize(
    ("code", "text", "right", "said"),
    [
        (200, "data: [DONE]", True, "200: data: [DONE]"),
        (204, "[DONE]", True, "204: [DONE]"),
        (200, "sorry", False, "200: sorry"),
        (500, "[DONE]", False, "500: [DONE]"),
        (500, f" {'x' * 1000} ", False, f"500: {'x' * 400}"),
        (0, "", False, "no answer within 0 s"),
    ],
)
def test_the_verdict_on_an_answer(code: int, text: str, right: bool, said: str) -> None:
    sent: list[Any] = []

    def send(*words: str, **more: Any) -> tuple[int, str]:
        sent.append((*words, more["timeout"]))
        return code, text

    claim: Any = SimpleNamespace(edge=SimpleNamespace(send=send), condition="true")
    answer = smoke.send(claim, TWO[1], SMOKE, timeout=2)
    assert (answer.right, str(answer)) == (right, said)
    assert sent == [("POST", "green-1/v1/chat", "{}", 2)]


@pytest.mark.parametrize(
    ("real", "of_our_own", "undone"),
    [
        ((0, 0), (0, 0), None),
        ((0, 0), (3, 2), None),
        ((0, 0), (3, 3), Score(total=3, failed=3)),
        ((0, 0), (5, 3), Score(total=5, failed=3)),
        ((2, 1), (2, 2), Score(total=4, failed=3)),
        ((1000, 0), (3, 3), Score(total=3, failed=3)),
        ((1000, 3), (0, 0), None),
        ((50, 3), (3, 0), Score(total=53, failed=3)),
    ],
)
def test_what_takes_a_release_back(real: tuple[int, int], of_our_own: tuple[int, int], undone: Score | None) -> None:
    tally = Tally(all=Score(total=real[0], failed=real[1]))
    assert undoing(tally, Score(total=of_our_own[0], failed=of_our_own[1]), 0.05) == undone


def test_a_late_failure_takes_it_back() -> None:
    tally = Tally(all=Score(total=1000, failed=0))
    for _ in range(3):
        tally.add(True)
    assert undoing(tally, Score(total=9, failed=0), 0.05) == Score(total=3, failed=3)
