"""What a rollback and a flip refuse, by the journal and the containers that they see."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from engine.errors import Refused
from rollout import commands
from rollout import release as releasing
from rollout.arguments import Smoke, Terms
from rollout.claim import Claim
from rollout.colours import Replica
from rollout.journal import Journal, Phase
from workloads.colour import Colour

Q, R, N = "q" * 12, "r" * 12, "5" * 12
AT = "2026-01-01T00:00:00Z"
FIRST = Journal().begun("blue", R, AT).flipped("blue", R, "release", AT)
PAIR = Journal().begun("green", Q, AT).flipped("green", Q, "release", AT).begun("blue", R, AT)
PAIR = PAIR.flipped("blue", R, "release", AT)


def rolled_back(monkeypatch: pytest.MonkeyPatch, journal: Journal, release: str, attempt: int) -> list[str]:
    """The colours that a rollback flips to; blue is live with R, green runs `release`."""
    blue = Replica(name="x-api-blue", colour="blue", index=0, release=R, attempt=2)
    green = Replica(name="x-api-green", colour="green", index=0, release=release, attempt=attempt)
    seen = SimpleNamespace(
        colours={"blue": (blue,), "green": (green,)}, answers=[200], state=None, journal=journal, remark=""
    )
    flipped: list[str] = []
    stack: Any = SimpleNamespace(edge=None, name="x")
    monkeypatch.setattr(commands, "_look", lambda *_, **__: seen)
    monkeypatch.setattr(commands, "flip", lambda _claim, to, *_, **__: flipped.append(to))
    commands.rollback(stack)
    return flipped


def test_a_standby_that_was_live_before_is_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rolled_back(monkeypatch, PAIR, Q, 1) == ["green"]


@pytest.mark.parametrize("journal", [FIRST, PAIR], ids=["with no standby", "with a standby"])
@pytest.mark.parametrize("phase", ["gating", "waiting", "done"])
def test_what_failed_its_gate_or_waited_is_no_way_back_though_it_was_given_up(
    monkeypatch: pytest.MonkeyPatch, journal: Journal, phase: Any
) -> None:
    target: Colour | None = None if phase == "done" else "green"
    given_up = journal.begun("green", N, AT).at_phase(phase, target, AT)
    with pytest.raises(Refused, match=f"green holds release {N}, which has not been live"):
        rolled_back(monkeypatch, given_up, N, 3)


@pytest.mark.parametrize(
    ("live", "answers", "flips"),
    [
        ("running", [200, 200], True),
        ("running", [0, 200], False),
        ("exited (0)", [0, 200], True),
        ("restarting", [0, 200], True),
        ("exited (0)", [0, 503], False),
    ],
)
def test_where_the_live_colour_is_down_one_replica_is_better_than_none(
    monkeypatch: pytest.MonkeyPatch, live: str, answers: list[int], flips: bool
) -> None:
    """It is the way on that a refused release names."""
    blue = Replica(name="x-api-blue", colour="blue", index=0, release=R, state=live)
    green = tuple(Replica(name=f"x-api-green-{n + 1}", colour="green", index=n, release=Q) for n in range(2))
    seen = SimpleNamespace(
        colours={"blue": (blue,), "green": green}, answers=answers, state=None, journal=PAIR, remark=""
    )
    flipped: list[str] = []
    stack: Any = SimpleNamespace(edge=None, name="x")
    monkeypatch.setattr(commands, "_look", lambda *_, **__: seen)
    monkeypatch.setattr(commands, "flip", lambda _claim, to, *_, **__: flipped.append(to))
    if flips:
        commands.flip_to(stack, "green")
        assert flipped == ["green"]
        return
    with pytest.raises(Refused, match="is not ready"):
        commands.flip_to(stack, "green")
    assert not flipped


@pytest.mark.parametrize("there", [True, False], ids=["with its container", "without"])
def test_a_promotion_that_was_cut_off_goes_on_with_its_watch(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    terms = Terms(passes=1, watch=60, error_ratio=0.1)
    blue = (Replica(name="x-api-blue", colour="blue", index=0, release=R),) if there else ()
    journal = PAIR.at_phase("watching", "blue", AT, terms)
    seen = SimpleNamespace(colours={"blue": blue, "green": ()}, journal=journal)
    watched: list[tuple[Any, ...]] = []
    stack: Any = SimpleNamespace(edge="edge", engine="engine", name="x", service="x-api")
    monkeypatch.setattr(commands, "_look", lambda *_, **__: seen)
    monkeypatch.setattr(commands, "connect", lambda where: where)
    monkeypatch.setattr(commands, "standing", lambda edge: nullcontext(f"claim on {edge}"))
    monkeypatch.setattr(releasing, "watch_on", lambda *words: watched.append(words))
    if there:
        commands.promote(stack)
        assert watched == [("engine", "claim on edge", "x-api", blue, journal.generation, terms)]
        return
    with pytest.raises(Refused, match=r"has no container.*Nothing was changed"):
        commands.promote(stack)
    assert not watched


@pytest.mark.parametrize(("phase", "kept"), [("waiting", True), ("gating", False)])
def test_the_watch_of_a_promotion_keeps_its_smoke_request_for_one_that_goes_on_with_it(
    monkeypatch: pytest.MonkeyPatch, phase: Phase, kept: bool
) -> None:
    smoke = Smoke(method="GET", path="/", body="", expect="", timeout=1)
    terms = Terms(passes=1, watch=60, error_ratio=0.1, smoke=smoke)
    green = (Replica(name="x-api-green", colour="green", index=0, release=N),)
    before = PAIR.begun("green", N, AT).at_phase(phase, "green", AT, terms)
    written: list[Journal] = []

    def flip(_claim: Claim, _to: Colour, change: Callable[[Journal], Journal]) -> Journal:
        written.append(change(before))
        return written[0]

    monkeypatch.setattr(releasing, "flip", flip)
    monkeypatch.setattr(releasing, "Requests", lambda *_: "requests")
    monkeypatch.setattr(releasing, "_see_through", lambda *_: None)
    claim: Any = SimpleNamespace(edge="edge")
    releasing.go_live(cast(DockerClient, None), claim, "x-api", green, terms, before, "promoted")
    assert written[0].phase == "watching"
    assert written[0].terms == (terms if kept else replace(terms, smoke=None))


def test_a_standby_at_the_gate_once_more_is_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="is at gating once more"):
        rolled_back(monkeypatch, PAIR.at_phase("gating", "green", AT), Q, 1)
