"""The state on the host and the claim on it, by the very scripts that run there, in a folder of this machine."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.errors import APIError, ImageNotFound, NotFound

from engine.address import of_stack
from engine.client import Result
from engine.edge import Edge
from engine.errors import NeedsPerson, Undone
from rollout import begin, state
from rollout.arguments import Look, Place, Wanted
from rollout.claim import Claim, standing
from rollout.journal import MISSING, Journal, parse
from rollout.plan import Observed, Plan
from rollout.state import State, TakenOver
from workloads.places import STATE
from workloads.way import Way

Q, R = "q" * 12, "r" * 12
WAY = Way(port=8000, readiness="/readyz", paths=("/v1/",), marks_streams=False, replicas=1, keep_alive=1)
AT = "2026-01-01T00:00:00Z"
LIVE = Journal(attempt=1).flipped("blue", Q, "release", AT)


class Folder(Edge):
    """An edge whose state lies in a folder, and whose commands run here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "x-nginx"

    def run(self, command: Sequence[str], *, user: str = "", env: dict[str, str] | None = None) -> Result:
        del user
        words = [word.replace(STATE, str(self.path)) for word in command]
        done = subprocess.run(words, env=os.environ | (env or {}), capture_output=True, text=True, check=False)
        return Result(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def edge(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def live(edge: Folder) -> Folder:
    """An edge with a journal that an older version has written: there is no claim."""
    state.change(edge, lambda _: LIVE, instead=Journal())
    return edge


def gating(journal: Journal) -> Journal:
    return journal.at_phase("gating", "green", AT)


class TestState:
    def test_what_was_written_is_what_is_read(self, live: Folder) -> None:
        assert state.change(live, gating) == state.read(live)
        assert state.change(live, gating, claim="a") == state.read(live)
        flipped = state.change(live, lambda journal: journal.flipped("green", R, "release", AT), under="a")
        assert flipped == state.read(live)
        assert (flipped.marker, flipped.claim) == ("green", "a")

    def test_an_older_version_reads_the_journal_of_a_claimed_state(self, live: Folder) -> None:
        before = (live.path / "journal.json").read_bytes()
        assert state.take(live, "a", state.read(live))
        assert (live.path / "journal.json").read_bytes() == before
        assert parse(before.decode()) == LIVE

    def test_a_state_without_a_journal_can_be_claimed(self, edge: Folder) -> None:
        assert state.take(edge, "a", state.read(edge))
        found = state.read(edge)
        assert (found.claim, found.journal, found.damage) == ("a", None, "the journal is missing")

    def test_a_claim_is_refused_where_someone_has_written_since(self, live: Folder) -> None:
        seen = state.read(live)
        state.change(live, gating)
        assert not state.take(live, "a", seen)
        assert state.take(live, "a", state.read(live))
        assert not state.take(live, "b", seen)
        assert state.read(live).claim == "a"

    @pytest.mark.parametrize("text", ["a", "a\n", "a\nb\n"])
    def test_one_line_is_the_claim(self, live: Folder, text: str) -> None:
        (live.path / "claim").write_text(text)
        assert state.read(live).claim == "a"

    def test_a_claim_that_cannot_be_written_says_so(self, live: Folder) -> None:
        (live.path / "claim.new").mkdir()
        with pytest.raises(NeedsPerson, match=r"could not be written(.|\n)*blue is live, as before"):
            state.take(live, "a", state.read(live))


class TestClaim:
    def test_a_step_writes_under_the_claim_that_stands(self, live: Folder) -> None:
        state.take(live, "a", state.read(live))
        with standing(live) as claim:
            assert claim.change(gating).known.phase == "gating"
        assert state.read(live).claim == "a"

    def test_a_step_stops_when_another_claim_stands(self, live: Folder) -> None:
        with standing(live) as claim:
            seen = claim.read()
            state.take(live, "b", state.read(live))
            before = (live.path / "journal.json").read_bytes()
            for act in (claim.read, lambda: claim.change(gating), lambda: claim.change(gating, seen=seen)):
                with pytest.raises(
                    TakenOver, match=r"has taken over: blue is live, generation 1.*changed nothing furt"
                ):
                    act()
        assert (live.path / "journal.json").read_bytes() == before

    def test_what_a_transition_objects_to_is_said_first(self, live: Folder) -> None:
        def object_to(_: Journal) -> Journal:
            raise Undone("it is not as planned")

        with standing(live) as claim:
            state.take(live, "b", state.read(live))
            with pytest.raises(Undone, match="as planned"):
                claim.change(object_to)

    def test_what_fails_because_of_another_claim_is_said_to(self, live: Folder) -> None:
        with pytest.raises(Undone), standing(live):
            raise Undone("its container was removed")
        another = standing(live)
        another.__enter__()
        state.take(live, "b", state.read(live))
        with pytest.raises(TakenOver):
            another.__exit__(Undone, Undone("its container was removed"), None)

    def test_a_look_asks_the_host_only_now_and_then(self, live: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        monkeypatch.setattr("rollout.claim.time.monotonic", lambda: now[0])
        claim = Claim(live, held="")
        state.take(live, "b", state.read(live))
        for now[0] in (0.5, 1.0):
            claim.look()
        now[0] = 1.5
        with pytest.raises(TakenOver):
            claim.look()

    def test_a_person_takes_over_with_the_first_change(self, live: Folder) -> None:
        """Until then nobody is disturbed; from then on it can be taken away again."""
        step, person = Claim(live, held=""), Claim(live)
        step.change(gating)
        assert person.read().claim == ""
        taken = person.change(lambda journal: journal.flipped("green", R, "by hand", AT))
        assert taken.claim == person.change(gating).claim != ""
        with pytest.raises(TakenOver):
            step.read()
        state.take(live, "c", state.read(live))
        with pytest.raises(TakenOver):
            person.change(gating)

    @pytest.mark.parametrize(("stands", "answer"), [("a", (200, "answered")), ("b", (0, ""))])
    def test_a_request_ends_with_its_claim(
        self, live: Folder, monkeypatch: pytest.MonkeyPatch, stands: str, answer: tuple[int, str]
    ) -> None:
        state.take(live, stands, state.read(live))
        monkeypatch.setattr(Edge, "_curl", lambda *_: ["sh", "-c", r"sleep 0.5; printf 'answered\n200'"])
        assert live.send("GET", "x", "", timeout=1, only_while=Claim(live, held="a").condition) == answer


class TestBeginning:
    GOOD = Plan(target="green", create="green", flips=True, generation=2, attempt=2, release=R)

    @pytest.fixture
    def update(self, live: Folder, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Begins an update that is planned as `made`, while `meanwhile` happens after each look."""

        def run(made: Plan, *, preview: bool = False, running: bool = True, meanwhile: Any = lambda: None) -> Plan:
            def observe(*_: Any, **__: Any) -> tuple[Observed, State]:
                found = state.read(live)
                meanwhile()
                return Observed(edge="running" if running else "exited", journal=found.journal), found

            monkeypatch.setattr(begin, "observe", observe)
            monkeypatch.setattr(begin, "Edge", lambda *_: live)
            monkeypatch.setattr(begin, "plan", lambda *_, **__: made)
            monkeypatch.setattr(begin, "connect_quickly", lambda _: None)
            monkeypatch.setattr(begin, "find_stopped", lambda *_: ({}, frozenset()))
            look = Look(
                place=Place(edge="e", service="s"),
                wanted=Wanted(release=R, former=Q, way=WAY),
                network="10.77.1.0/24",
                narrowed={},
                last_live="blue",
                last_release=Q,
                volume="",
                image="",
                manual=False,
                preview=preview,
            )
            return begin.begin(look, of_stack(""))

        return run

    def test_an_update_claims_what_it_has_planned_for(self, live: Folder, update: Any) -> None:
        assert update(self.GOOD) == self.GOOD
        first = state.read(live).claim
        update(self.GOOD)
        assert "" != first != state.read(live).claim != ""

    def test_neither_a_preview_nor_a_refusal_nor_an_edge_that_is_down_claims(self, live: Folder, update: Any) -> None:
        files = sorted(live.path.iterdir())
        assert update(self.GOOD, preview=True) == self.GOOD
        assert update(self.GOOD, running=False) == self.GOOD
        refused = Plan(refusal="rejected", release=R)
        assert update(refused) == refused
        assert sorted(live.path.iterdir()) == files

    def test_it_is_planned_again_when_someone_writes_in_between(self, live: Folder, update: Any) -> None:
        looks = iter((True, False))
        update(self.GOOD, meanwhile=lambda: next(looks) and state.change(live, gating))
        assert state.read(live).claim
        assert next(looks, None) is None, "it looked twice"

    def test_it_gives_up_where_others_keep_writing(self, live: Folder, update: Any) -> None:
        with pytest.raises(NeedsPerson, match="run the same command again"):
            update(self.GOOD, meanwhile=lambda: state.change(live, lambda found: found.begun("green", R, AT)))

    def test_of_two_that_begin_at_once_the_first_to_claim_wins(self, live: Folder, update: Any) -> None:
        made = update(self.GOOD, meanwhile=lambda: state.take(live, "b", state.read(live)))
        assert "has taken over" in made.refusal
        assert state.read(live).claim == "b"

    def test_a_state_that_cannot_be_written_is_a_note(self, live: Folder, update: Any) -> None:
        (live.path / "claim.new").mkdir()
        assert "could not be written" in update(self.GOOD).note


class Gone:
    """An engine that answers each question with an error."""

    def __init__(self, of_volume: Exception | None, of_run: Exception | None = None) -> None:
        self.volumes = SimpleNamespace(get=lambda _: self._raise(of_volume))
        self.containers = SimpleNamespace(run=lambda *_, **__: self._raise(of_run))

    def _raise(self, error: Exception | None) -> None:
        if error:
            raise error


def test_a_volume_that_is_gone_is_told_from_one_that_could_not_be_looked_at() -> None:
    def look(*errors: Exception | None) -> State | None:
        return state.read_without_edge(cast(Any, Gone(*errors)), "x-edge-state", "nginx")

    lost = look(NotFound("no such volume"))
    assert lost
    assert (lost.marker, lost.journal, lost.damage) == ("blue", None, MISSING)
    assert look(APIError("no answer")) is None
    assert look(None, ImageNotFound("no such image")) is None
