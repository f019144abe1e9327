"""The preflight's last look: it never removes the colour that answers while the live one is down."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import Refused
from rollout import preflight, state
from rollout.arguments import Place, Preflight
from rollout.colours import Colours, Replica
from rollout.gate import answering
from rollout.journal import Journal
from tests.unit.test_rollout_state import LIVE, Folder, R

PAIR: Colours = {
    "blue": (Replica(name="x-api-blue", colour="blue", index=0),),
    "green": (
        Replica(name="x-api-green", colour="green", index=0),
        Replica(name="x-api-green-2", colour="green", index=1),
    ),
}
GREEN = Preflight(
    place=Place(edge="x-nginx", service="x-api"),
    colour="green",
    release=R,
    generation=1,
    attempt=2,
    drain_timeout=1,
    config="c",
)


class Asked(Folder):
    """An edge whose replicas answer one row of `rows` at each look, the last one from then on."""

    rows: Sequence[Sequence[int]] = ((200, 200, 200),)
    looks = 0

    def codes(self, places: Sequence[str]) -> list[int]:
        assert list(places) == ["blue-0/", "green-0/", "green-1/"]
        self.looks += 1
        return list(self.rows[min(self.looks, len(self.rows)) - 1])

    def ask(self, path: str, *, timeout: float = 2) -> str:
        del path, timeout
        return GREEN.config


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked(tmp_path)
    state.change(made, lambda _: LIVE, instead=Journal())
    monkeypatch.setattr("rollout.gate.time.sleep", lambda _: None)
    return made


@pytest.mark.parametrize(
    ("rows", "found", "looks"),
    [
        (((200, 200, 200),), {"blue", "green"}, 1),
        (((200, 0, 0),), {"blue"}, 1),
        (((0, 0, 0),), set(), 1),
        (((0, 0, 204),), {"green"}, 4),
        (((0, 200, 200), (503, 200, 200), (200, 200, 200)), {"blue", "green"}, 3),
    ],
    ids=["all", "no standby", "nobody", "one of the standby", "the live one after a moment"],
)
def test_a_live_colour_gets_a_few_looks(
    edge: Asked, rows: Sequence[Sequence[int]], found: set[str], looks: int
) -> None:
    edge.rows = rows
    assert answering(edge, PAIR, "blue") == found
    assert edge.looks == looks


@pytest.mark.parametrize("status", ["exited", "paused", "restarting", "absent"])
def test_nothing_is_removed_while_what_a_release_needs_does_not_run(
    edge: Asked, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    client: Any = None
    ollama = None if status == "absent" else SimpleNamespace(status=status)
    monkeypatch.setattr(preflight, "Edge", lambda *_: edge)
    monkeypatch.setattr(preflight, "find", lambda _, name: ollama if name == "x-ollama" else None)
    monkeypatch.setattr(preflight, "find_colours", lambda *_: pytest.fail("it went on to the containers"))
    before = (edge.path / "journal.json").read_bytes()
    with pytest.raises(Refused, match=r"^x-ollama .*Nothing was changed"):
        preflight.preflight(client, replace(GREEN, needs=("x-ollama",)))
    assert (edge.path / "journal.json").read_bytes() == before


@pytest.mark.parametrize(
    ("row", "removes"),
    [((0, 200, 200), False), ((0, 0, 200), False), ((200, 200, 200), True), ((0, 0, 0), True)],
    ids=["only the standby answers", "one replica of it", "both", "nobody"],
)
def test_the_colour_that_answers_alone_is_not_removed(
    edge: Asked, monkeypatch: pytest.MonkeyPatch, row: tuple[int, ...], removes: bool
) -> None:
    removed: list[str] = []
    client: Any = None
    monkeypatch.setattr(preflight, "Edge", lambda *_: edge)
    monkeypatch.setattr(preflight, "find_colours", lambda *_: PAIR)
    monkeypatch.setattr(preflight, "drained", lambda *_: 0)
    monkeypatch.setattr(preflight, "forget", lambda *_: None)
    monkeypatch.setattr(preflight, "_remove", lambda _client, _claim, replica: removed.append(replica.name))
    edge.rows = (row,)
    before = (edge.path / "journal.json").read_bytes()
    if removes:
        preflight.preflight(client, GREEN)
        assert removed == ["x-api-green", "x-api-green-2"]
        return
    with pytest.raises(Refused, match=r"Nothing was changed\. .*`python -m rollout flip --to green`"):
        preflight.preflight(client, GREEN)
    assert not removed
    assert (edge.path / "journal.json").read_bytes() == before


def test_nothing_is_removed_where_a_reload_has_no_room(edge: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new containers need another configuration of the edge."""
    client: Any = None

    def none(_: Asked) -> None:
        raise Refused("no room")

    monkeypatch.setattr(preflight, "Edge", lambda *_: edge)
    monkeypatch.setattr(preflight, "find_colours", lambda *_: PAIR)
    monkeypatch.setattr(preflight, "drained", lambda *_: 0)
    monkeypatch.setattr(preflight, "must_have_room", none)
    monkeypatch.setattr(preflight, "_remove", lambda *_: pytest.fail("it removed a container"))
    before = (edge.path / "journal.json").read_bytes()
    with pytest.raises(Refused, match="no room"):
        preflight.preflight(client, replace(GREEN, config="other"))
    assert (edge.path / "journal.json").read_bytes() == before
