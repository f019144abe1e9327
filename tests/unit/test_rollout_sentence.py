"""What a preview says of a release, for every kind of plan."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rollout.plan import Plan
from rollout.sentence import sentence
from workloads.colour import Colour

MOVES = (
    "network.cidr moves the networks of the stack: the update stops and recreates every container, the edge and the "
    "model server too. No request is answered meanwhile."
)
COPIED = "green gets the same release, so there is nothing to roll back to until the next one."
LIVE: Mapping[Colour, tuple[str, ...]] = {"blue": ("x-api-blue",)}


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            Plan(create="blue", flips=True, generation=1, attempt=1),
            "No release is live yet. The update creates blue with release R. Requests flip to it behind the gate.",
        ),
        (
            Plan(target="green", create="green", flips=True, generation=2, declared=LIVE),
            "blue stays live. The update puts release R on green. Requests flip to it behind the gate.",
        ),
        (
            Plan(target="green", create="green", generation=1, declared=LIVE, waits=True),
            "blue stays live. The update puts release R on green. green passes the gate and waits for `make promote`.",
        ),
        (
            Plan(target="green", flips=True, generation=2, declared={**LIVE, "green": ("x-api-green",)}),
            "blue stays live until green, which still runs release R, has passed the gate. "
            "Requests flip to it behind the gate.",
        ),
        (
            Plan(generation=1, declared={**LIVE, "green": ("x-api-green",)}, waits=True),
            "green stays live. blue still runs release R: the update recreates no container. "
            "blue passes the gate and waits for `make promote`.",
        ),
        (Plan(declared=LIVE), "blue runs release R. The update recreates no container of the API."),
        (
            Plan(create="green", declared=LIVE),
            "blue stays live with release R. The update recreates green as its standby.",
        ),
        (
            Plan(create="blue", declared={}),
            "blue is live and has no container. The update creates it again with release R.",
        ),
        (
            Plan(frozen=True, declared=LIVE),
            "The update leaves both colours as they are. The configuration describes release R.",
        ),
        (Plan(rebuilds=True, declared={"blue": ()}), f"{MOVES} blue stays live with release R."),
        (
            Plan(rebuilds=True, frozen=True, declared={"blue": (), "green": ()}),
            f"{MOVES} blue stays live with release R. {COPIED}",
        ),
        (
            Plan(rebuilds=True, create="green", declared={"blue": ()}),
            f"{MOVES} blue stays live with release R. {COPIED}",
        ),
        (
            Plan(rebuilds=True, flips=True, declared={"blue": ()}),
            f"{MOVES} No release is live yet; requests go to blue with release R behind the gate.",
        ),
    ],
)
def test_each_plan_is_said_as_it_is(plan: Plan, said: str) -> None:
    assert sentence(replace(plan, release="R")) == said
