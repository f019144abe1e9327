"""Which containers hold a connection, by what the gate has seen; and what is in flight beside idle connections."""

from typing import Any

import pytest

from rollout import connections, kept
from rollout.colours import Colours, Replica
from tests.unit.test_rollout_counting import TABLE
from workloads.way import KEPT_REQUESTS

HELD = ["1:200:"] + ["0:200:"] * (KEPT_REQUESTS - 1) + ["1:200:", "0:200:"]


def instead(place: int, answer: str) -> list[str]:
    found = list(HELD)
    found[place] = answer
    return found


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (HELD, True),
        (["1:200:close"] * (KEPT_REQUESTS + 2), True),  # it says so, and nginx obeys
        (["1:200:Close"] * (KEPT_REQUESTS + 2), True),
        (["1:200:"] * (KEPT_REQUESTS + 2), False),  # it closes at once
        (instead(50, "1:200:"), False),  # it closes after fifty requests
        (instead(-1, "1:200:"), False),  # it closes in the pause
        (instead(30, "0:000:"), False),  # no answer
        (HELD[:-1], False),
        ([], False),
    ],
)
def test_whether_a_container_holds_a_connection(answers: list[str], verdict: bool) -> None:
    assert kept.holds(answers) is verdict


class Host:
    """An edge that works on so many requests, and has the connections of the table: two to blue, one to green."""

    def __init__(self, working: str) -> None:
        self._said = TABLE + working

    def must(self, _command: list[str]) -> str:
        return self._said


COLOURS: Colours = {
    "blue": (Replica(name="x-api-blue", colour="blue", index=0, addresses=frozenset({"10.78.1.32"})),),
    "green": (Replica(name="x-api-green", colour="green", index=0, addresses=frozenset({"10.78.1.64"})),),
}


@pytest.mark.parametrize(
    ("working", "blue"),
    [
        ("Reading: 0 Writing: 4 Waiting: 9", 2),  # one is this question, one is green's
        ("Reading: 0 Writing: 3 Waiting: 9", 1),
        ("Reading: 0 Writing: 2 Waiting: 9", 0),
        ("Reading: 0 Writing: 1 Waiting: 9", 0),
        ("Reading: 0 Writing: 90 Waiting: 9", 2),  # others are refused, or not yet passed on
        ("404 page not found", 2),
        ("", 2),
    ],
)
def test_idle_connections_of_the_live_colour_are_not_in_flight(working: str, blue: int) -> None:
    edge: Any = Host(working)
    assert connections.by_colour(edge, COLOURS, "blue") == {"blue": blue, "green": 1}
