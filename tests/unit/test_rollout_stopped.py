"""What somebody has stopped by hand: which containers an update starts, and how a preview plans without them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from components.bluegreen import place
from components.plan import _meant
from engine import quick
from engine.address import of_stack
from engine.arguments import Ready
from engine.errors import NeedsPerson
from rollout import begin, stopped
from rollout.arguments import Look, Wanted
from rollout.colours import Replica
from rollout.journal import Journal
from rollout.plan import Observed, Plan
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
    return look(*listed)[0]


def look(*listed: tuple[str, str, str]) -> tuple[dict[str, str], frozenset[str]]:
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


@pytest.mark.parametrize(
    ("state", "starts", "runs"),
    [
        ("running", False, True),
        ("restarting", False, True),
        ("exited", True, False),
        ("paused", True, False),
        ("created", False, False),
        ("dead", False, False),
    ],
)
def test_what_runs_and_what_an_update_starts(state: str, starts: bool, runs: bool) -> None:
    """Neither is a container that an update has made and could not start: the provider recreates it."""
    assert look(("x-ollama", state, "x-model")) == (
        {"x-ollama": state} if starts else {},
        frozenset({"x-ollama"} if runs else ()),
    )


class Docker:
    """An engine with stopped containers, some of which it does not start. One that cannot be checked ends again."""

    def __init__(self, refuses: Mapping[str, Exception], unchecked: str = "") -> None:
        self.refuses, self.unchecked = refuses, unchecked
        self.containers = SimpleNamespace(get=self._get)
        self.started: list[str] = []

    def _get(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(start=lambda: self._start(name), unpause=lambda: self._start(name))

    def _start(self, name: str) -> None:
        if name in self.refuses:
            raise self.refuses[name]
        self.started.append(name)

    def ready(self, _: object, wanted: Ready) -> None:
        if wanted.container == self.unchecked:
            raise APIError("conflict", explanation="it is restarting")


NO_NETWORK = APIError("no", explanation="network 0123 not found")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Begins an update of a stack of which Ollama and the pages are stopped, and the edge is only created."""

    def run(docker: Docker, *, preview: bool = False) -> Plan:
        listed = Engine(
            ("x-ollama", "exited", "x-model"),
            ("x-pages", "paused", "x-obs"),
            ("x-nginx", "created", "x-edge"),
            ("x-prometheus", "running", "x-obs"),
        )
        monkeypatch.setattr(begin, "connect_quickly", lambda _: listed)
        monkeypatch.setattr(stopped, "connect", lambda _: docker)
        monkeypatch.setattr("engine.ready.ready", docker.ready)
        monkeypatch.setattr(begin, "_claimed", lambda *_: Plan(note="as planned"))
        return begin.begin(replace(LOOK, preview=preview), of_stack(""))

    return run


def test_what_could_not_be_started_does_not_run(begun: Callable[..., Plan]) -> None:
    """So a refresh that notes `mustRun: false` for it leads to a new container (components/service.py)."""
    assert begun(Docker({})).running == {"x-ollama", "x-pages", "x-prometheus"}
    made = begun(Docker({"x-ollama": NO_NETWORK}))
    assert made.running == {"x-pages", "x-prometheus"}
    assert "x-ollama is exited, and the engine could not start it: network 0123 not found." in made.note
    assert "x-pages was paused. This update has started it." in made.note


def test_a_preview_takes_what_the_update_starts_for_running(begun: Callable[..., Plan]) -> None:
    docker = Docker({})
    assert begun(docker, preview=True).running == {"x-ollama", "x-pages", "x-prometheus"}
    assert not docker.started


def test_one_that_ends_again_while_it_is_finished_does_not_end_the_update(begun: Callable[..., Plan]) -> None:
    made = begun(Docker({}, unchecked="x-ollama"))
    assert "x-ollama: The engine refused: it is restarting\nCorrect the cause" in made.note
    assert "x-ollama" in made.running
    assert made.note.endswith("as planned")


@pytest.mark.parametrize("error", [ReadTimeout("timed out"), ConnectionError("reset")])
def test_an_engine_that_is_lost_while_it_starts_something_is_one_message(
    begun: Callable[..., Plan], error: Exception
) -> None:
    with pytest.raises(NeedsPerson, match=rf"stopped answering: {error}\..*\nNothing was changed"):
        begun(Docker({"x-ollama": error}))


@pytest.mark.parametrize(
    ("error", "said"), [(ConnectionError("reset"), "stopped answering: reset"), (NO_NETWORK, "refused: network 0123")]
)
def test_an_engine_that_is_lost_while_it_is_looked_at_is_one_message(
    monkeypatch: pytest.MonkeyPatch, begun: Callable[..., Plan], error: Exception, said: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Engine, "summaries", fail)
    with pytest.raises(NeedsPerson, match=f"The engine {said}"):
        begun(Docker({}))
    unseen = begun(Docker({}), preview=True)
    assert said in unseen.note
    assert unseen.running == {meant.container for meant in LOOK.meant}


def test_an_update_waits_for_the_edge_and_for_what_the_api_needs() -> None:
    assert {meant.container for meant in LOOK.meant if meant.test} == {"x-nginx", "x-ollama"}
    assert all(meant.timeout > 0 for meant in LOOK.meant if meant.test)
    assert {"x-prometheus", "x-pages", "x-collector"} < {meant.container for meant in LOOK.meant}


def test_a_preview_says_what_the_update_starts_and_plans_as_if_it_ran() -> None:
    found = {"x-nginx": "exited", "x-api-blue": "exited"}
    assert would_start(found).splitlines() == [
        "x-nginx is exited. The update starts it.",
        "x-api-blue is exited. The update starts it.",
    ]
    assert would_start({}) == ""
    blue, green = (Replica(name=f"x-api-{colour}", colour=colour, index=0) for colour in ("blue", "green"))
    seen = Observed(
        edge="exited", journal=Journal(), colours={"blue": (blue,), "green": (green,)}, answering=frozenset({"green"})
    )
    made = as_started(seen, found, "x-nginx")
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
