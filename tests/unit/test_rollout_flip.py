"""The flip, by the very script that runs in the edge's container, in a folder of this machine."""

import re
from pathlib import Path
from typing import Any

import pytest

from engine.errors import NeedsPerson
from rollout import flip as flips
from rollout import state
from rollout.claim import Claim
from rollout.flip import flip
from rollout.journal import Journal
from tests.unit.test_rollout_state import AT, LIVE, Folder, R

# Like curl's answers of an nginx: `held` and `fresh` say which pool serves a kept and a new connection.
_CURL = """
case "$*" in
*fail-early*) for _ in 1 2 3 4 5 6 7 8 9; do {held}; sleep 0.02; done ;;
*) for i in 1 2 3; do {fresh}; done ;;
esac
"""
_FOLLOWS = 'if [ -f "$FOLDER/green" ]; then echo green; else echo blue; fi'


class Answering(Folder):
    """A folder whose edge answers as it is told."""

    root = ""
    held = fresh = _FOLLOWS
    execs = 0

    def _curl(self, timeout: float) -> list[str]:
        del timeout
        script = _CURL.format(held=self.held, fresh=self.fresh).replace("$FOLDER", str(self.path))
        return ["sh", "-c", script, "curl"]

    def run(self, *words: Any, **named: Any) -> Any:
        self.execs += 1
        return super().run(*words, **named)


@pytest.fixture
def edge(tmp_path: Path) -> Answering:
    made = Answering(tmp_path)
    state.change(made, lambda _: LIVE, instead=Journal())
    made.execs = 0
    return made


def to_green(journal: Journal) -> Journal:
    return journal.flipped("green", R, "for a test", AT)


def test_a_flip_is_written_and_proved_by_one_command(edge: Answering) -> None:
    seen = state.read(edge)
    edge.execs = 0
    after = flip(Claim(edge), "green", to_green, seen=seen)
    assert edge.execs == 2, "one flips, one writes down what that took"
    found = state.read(edge)
    assert (found.marker, found.known) == ("green", after)
    assert (after.generation, after.flips[-1].ms > 0) == (2, True)
    assert found.claim


def test_nothing_is_written_where_nobody_answers(edge: Answering) -> None:
    before = sorted((path.name, path.read_bytes()) for path in edge.path.iterdir())
    edge.held = "exit 7"
    with pytest.raises(NeedsPerson, match="nothing was flipped"):
        flip(Claim(edge), "green", to_green)
    assert sorted((path.name, path.read_bytes()) for path in edge.path.iterdir()) == before


@pytest.mark.parametrize(
    "answers",
    [
        {"fresh": "echo blue"},
        {"fresh": "echo"},
        {"fresh": "exit 7"},
        {"fresh": "echo green; [ $i = 2 ] && exit"},
        {"held": "echo blue"},
        {"held": 'if [ -f "$FOLDER/green" ]; then exit 7; else echo blue; fi'},
    ],
)
def test_an_nginx_that_does_not_follow_is_moved_back(
    edge: Answering, monkeypatch: pytest.MonkeyPatch, answers: dict[str, str]
) -> None:
    script = flips._FLIP.replace(f"1 + {flips._PATIENCE}", "0")
    assert script != flips._FLIP
    monkeypatch.setattr(flips, "_FLIP", script)
    vars(edge).update(answers)
    with pytest.raises(NeedsPerson, match="did not follow the marker to green, which says blue again"):
        flip(Claim(edge), "green", to_green)
    found = state.read(edge)
    assert (found.marker, found.known.generation) == ("blue", 3)
    assert found.known.flips[-1].reason == "nginx did not follow the marker"


def test_new_connections_may_take_a_moment(edge: Answering) -> None:
    edge.fresh = 'n=$(cat "$FOLDER/n" 2>/dev/null); n=$((${n:-0} + 1)); echo $n >"$FOLDER/n"; ' + (
        "[ $n -gt 6 ] && echo green || echo blue"
    )
    assert flip(Claim(edge), "green", to_green).live == "green"


def test_a_flip_is_decided_anew_where_someone_has_written(edge: Answering) -> None:
    seen = state.read(edge)
    state.change(edge, lambda journal: journal.at_phase("watching", "blue", AT))
    asked: list[str] = []

    def decide(journal: Journal) -> Journal:
        asked.append(journal.phase)
        return to_green(journal)

    assert flip(Claim(edge), "green", decide, seen=seen).live == "green"
    assert asked == ["done", "watching"]


def test_a_state_that_cannot_be_written_says_so(edge: Answering) -> None:
    (edge.path / "green.new").mkdir()
    with pytest.raises(NeedsPerson, match=r"could not be written(.|\n)*blue is live, as before") as failed:
        flip(Claim(edge), "green", to_green)
    assert re.search(r"green\.new", str(failed.value)), "with the shell's own words"


@pytest.mark.parametrize(("script", "said"), [("echo 200; echo 503", "200 503"), (":", ""), ("echo $live", "blue")])
@pytest.mark.parametrize("damage", [None, "", "{", "no\nline\nend", "\n\n"])
def test_one_command_sees_the_state_and_asks(edge: Answering, script: str, said: str, damage: str | None) -> None:
    if damage is not None:
        (edge.path / "journal.json").write_text(damage)
    edge.execs = 0
    assert state.read_and(edge, script) == (state.read(edge), said)
    assert edge.execs == 2
