"""What somebody has stopped by hand: which containers an update starts, and how a preview plans without them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from components.bluegreen import place
from components.plan import _meant
from engine import quick
from rollout.arguments import Look, Wanted
from rollout.colours import Replica
from rollout.journal import Journal
from rollout.plan import Observed
from rollout.stack import Stack, within
from rollout.stopped import as_started, find_stopped, would_start
from settings import load
from workloads.stack import stack as everything
from workloads.way import Way

STACK = everything(
    load("x", {"profile": "development", "OLLAMA_VERSION": "local", "OLLAMA_MODELS": ["a:1"], "IMAGE_TAG": "1"})
)
LOOK = Look(
    place=place(STACK),
    wanted=Wanted(
        release="r",
        former="f",
        way=Way(port=1, readiness="/", paths=("/",), marks_streams=False, keep_alive=0, replicas=1),
    ),
    network="10.77.1.0/24",
    narrowed={},
    last_live="blue",
    last_release="r",
    volume="",
    image="",
    manual=False,
    preview=True,
    meant=_meant(STACK),
)


class Engine:
    """An engine with a list of containers, of which it leaves none out; it is asked once."""

    def __init__(self, *listed: tuple[str, str, str]) -> None:
        self.listed, self.asked = listed, list[Mapping[str, Sequence[str]]]()

    def summaries(self, filters: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
        self.asked.append(filters)
        return [
            {
                "Names": [f"/other/{name}", f"/{name}"],
                "State": state,
                "NetworkSettings": {"Networks": {network: {}} if network else {}},
            }
            for name, state, network in self.listed
        ]


def found(*listed: tuple[str, str, str]) -> dict[str, str]:
    engine = Engine(*listed)
    result = find_stopped(cast(quick.Engine, engine), LOOK)
    assert len(engine.asked) == 1
    return result


def test_what_an_update_starts_in_the_order_in_which_it_can_start() -> None:
    names = [
        ("x-api-green-2", "exited", "x-model"),
        ("x-nginx", "paused", "x-edge"),
        ("x-api-blue", "exited", "x-app-network"),
        ("x-grafana-of-mine", "exited", "x-obs"),
        ("x-prometheus", "exited", "x-obs"),
        ("x-ollama", "exited", "x-model"),
    ]
    assert list(found(*names)) == ["x-ollama", "x-prometheus", "x-nginx", "x-api-blue", "x-api-green-2"]


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("x-ollama-init", "x-model"),  # a one-shot
        ("x-api-before", "x-model"),
        ("x-edge-config-files", ""),  # fills a volume, and never runs
        ("x-api-red", "x-model"),
        ("x-nginx", "bridge"),  # somebody else's
        ("x-y-nginx", "x-y-edge"),  # of the stack x-y
    ],
)
def test_what_no_update_starts(name: str, network: str) -> None:
    assert found((name, "exited", network)) == {}


def test_the_engine_is_asked_for_what_somebody_has_stopped_alone() -> None:
    """Not for a container that an update has made and not started, nor for one that Docker is starting again."""
    engine = Engine()
    find_stopped(cast(quick.Engine, engine), LOOK)
    assert [*engine.asked[0]["status"]] == ["exited", "paused"]


def test_an_update_waits_for_the_edge_and_for_what_the_api_needs() -> None:
    assert {meant.container for meant in LOOK.meant if meant.test} == {"x-nginx", "x-ollama"}
    assert all(meant.timeout > 0 for meant in LOOK.meant if meant.test)
    assert {"x-prometheus", "x-pages", "x-collector"} < {meant.container for meant in LOOK.meant}


def test_a_preview_says_what_the_update_starts_and_plans_as_if_it_ran() -> None:
    stopped = {"x-nginx": "exited", "x-api-blue": "exited"}
    assert would_start(stopped).splitlines() == [
        "x-nginx is exited. The update starts it.",
        "x-api-blue is exited. The update starts it.",
    ]
    assert would_start({}) == ""
    blue, green = (Replica(name=f"x-api-{colour}", colour=colour, index=0) for colour in ("blue", "green"))
    seen = Observed(
        edge="exited", journal=Journal(), colours={"blue": (blue,), "green": (green,)}, answering=frozenset({"green"})
    )
    made = as_started(seen, stopped, "x-nginx")
    assert (made.edge, made.answering) == ("running", frozenset(("blue", "green")))
    assert as_started(seen, {}, "x-nginx") == seen


def test_a_stack_is_what_shares_networks_with_its_edge() -> None:
    joined = {
        "x-nginx": {"x-edge", "x-app-network"},
        "x-api-blue": {"x-app-network", "x-model"},
        "x-ollama": {"x-model"},
        "x-blackbox": {"x-app-network", "x-obs"},
        "x-prometheus": {"x-obs", "x-pages"},
        "x-of-mine": {"bridge"},
        "x-y-nginx": {"x-y-edge", "x-y-app-network"},
    }
    assert within(joined, "x-nginx", "x-") == joined.keys() - {"x-of-mine", "x-y-nginx"}
    assert within({}, "x-nginx", "x-") == set()


def test_the_services_that_are_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a one-shot that has ended nor a replica, which has a row of its own, is named."""
    listed = [
        ("x-nginx", "running", "x-app-network"),
        ("x-api-blue", "exited", "x-app-network"),
        ("x-blackbox", "restarting", "x-app-network"),
        ("x-ollama-init", "exited", "x-app-network"),
        ("x-acme", "paused", "x-app-network"),
    ]
    engine = Engine(*listed)
    stack = Stack(name="x", engine=cast(Any, ""), client=cast(quick.Engine, engine), edge=cast(Any, None))
    monkeypatch.setattr(Stack, "_restarts", lambda _, name: name != "x-ollama-init")
    assert stack.down() == {"x-acme": "paused", "x-blackbox": "restarting"}
