"""The plan table: what is seen and wanted, and what follows."""

from dataclasses import replace
from typing import Any

import pytest

from rollout.colours import Colours, Replica
from rollout.journal import MISSING, Journal
from rollout.plan import Last, Observed, Plan, plan, plan_unseen
from workloads.colour import COLOURS, Colour

Q, R, S = "q" * 12, "r" * 12, "5" * 12
LAST = Last(live="blue", release=Q)
AT = "2026-01-01T00:00:00Z"


def replicas(colour: Colour, release: str, count: int = 1) -> tuple[Replica, ...]:
    names = [f"x-api-{colour}" + (f"-{n + 1}" if n else "") for n in range(count)]
    return tuple(Replica(name=name, colour=colour, index=n, release=release) for n, name in enumerate(names))


def seen(journal: Journal | None = None, **releases: str) -> Observed:
    """blue and green as containers with these releases; blue is live with Q at generation 1 unless told otherwise."""
    live = Journal(attempt=1).flipped("blue", Q, "release", AT)
    colours = {colour: replicas(colour, releases[colour]) if colour in releases else () for colour in COLOURS}
    return Observed(marker="blue", journal=journal or live, colours=colours)


def done(made: Plan) -> dict[str, Any]:
    """The fields of a plan that differ from its defaults."""
    return {key: value for key, value in vars(made).items() if value != getattr(Plan(), key)}


class TestTable:
    def test_nothing_live(self) -> None:
        fresh = Observed(journal=None, damage="the journal is missing")
        wanted = {"create": "blue", "flips": True, "generation": 1, "attempt": 1}
        assert done(plan(fresh, Last(), R)) == wanted
        assert done(plan(Observed(edge="absent"), Last(), R)) == wanted

    def test_the_wanted_release_is_live(self) -> None:
        made = plan(seen(blue=Q, green=R), LAST, Q)
        assert done(made) == {
            "generation": 1,
            "attempt": 1,
            "declared": {"blue": ("x-api-blue",), "green": ("x-api-green",)},
        }

    def test_the_idle_colour_has_the_wanted_release(self) -> None:
        made = plan(seen(blue=Q, green=R), LAST, R)
        assert (made.target, made.create, made.flips, made.generation, made.attempt) == ("green", None, True, 2, 1)
        assert set(made.declared) == {"blue", "green"}

    def test_the_idle_colour_has_another_release(self) -> None:
        made = plan(seen(blue=Q, green=S), LAST, R)
        assert (made.target, made.create, made.generation, made.attempt) == ("green", "green", 2, 2)
        assert made.declared == {"blue": ("x-api-blue",)}

    def test_there_is_no_idle_colour_yet(self) -> None:
        made = plan(seen(blue=Q), LAST, R)
        assert (made.target, made.create, made.declared) == ("green", "green", {"blue": ("x-api-blue",)})

    def test_a_rejected_release_is_refused_with_its_reason(self) -> None:
        journal = Journal().flipped("blue", Q, "release", AT).reject(R, "20 of 100 failed on green", AT)
        made = plan(seen(journal, blue=Q, green=R), LAST, R)
        assert f"Release {R} was rejected at {AT}: 20 of 100 failed on green" in made.refusal
        assert f"python -m rollout allow {R}" in made.refusal

    @pytest.mark.parametrize("damage", ["the journal is missing", "the journal cannot be read"])
    def test_a_lost_state_is_refused(self, damage: str) -> None:
        lost = replace(seen(blue=Q), journal=None, damage=damage)
        for made in (plan(lost, LAST, R), plan(lost, Last(), R)):
            assert damage in made.refusal
            assert "python -m rollout repair" in made.refusal

    @pytest.mark.parametrize("last", [Last(), LAST])
    def test_a_journal_in_pieces_is_refused_even_where_nothing_else_is_left(self, last: Last) -> None:
        assert "repair" in plan(Observed(damage="the journal cannot be read"), last, R).refusal

    @pytest.mark.parametrize("edge", ["absent", "running"])
    @pytest.mark.parametrize("wanted", [Q, R])
    @pytest.mark.parametrize(("live", "made_on"), [("blue", "green"), ("green", "blue")])
    def test_a_lost_host_gets_a_first_release(self, edge: str, wanted: str, live: Colour, made_on: Colour) -> None:
        """With a gate and a journal, also where an update before this one got no further than to the edge. The colour
        is another: with the numbers of a first release the inputs of its steps may be those of the last update."""
        made = plan(Observed(edge=edge, damage=MISSING), Last(live=live, release=Q), wanted)
        assert "`pulumi up --refresh --replace '**::images'`" in made.note
        assert done(replace(made, note="")) == done(
            Plan(target=made_on, create=made_on, flips=True, generation=1, attempt=1)
        )

    @pytest.mark.parametrize(("host", "named"), [("ssh://llm-1", "ssh://llm-1"), ("", "DOCKER_HOST")])
    def test_another_host_is_refused_unless_the_stack_is_there(self, host: str, named: str) -> None:
        elsewhere = replace(LAST, host=host)
        for edge in ("absent", "running"):
            refused = plan(Observed(edge=edge, damage=MISSING), elsewhere, Q).refusal
            assert "Put dockerHost back" in refused
            assert named in refused
        assert plan(seen(blue=Q), elsewhere, R) == plan(seen(blue=Q), LAST, R), "the same host by another name"

    def test_a_state_that_could_not_be_looked_at_is_not_lost(self) -> None:
        assert plan(Observed(edge="absent"), LAST, Q).frozen
        assert plan(Observed(edge="absent"), LAST, R).refusal


class TestManual:
    def test_the_update_itself_does_not_flip(self) -> None:
        made = plan(seen(blue=Q, green=S), LAST, R, manual=True)
        assert made.waits
        assert (made.target, made.create, made.flips, made.generation) == ("green", "green", False, 1)

    def test_waiting_is_as_quiet_as_done(self) -> None:
        waiting = Journal(attempt=2).flipped("blue", Q, "release", AT).at_phase("waiting", "green", AT)
        first = plan(seen(blue=Q, green=S), LAST, R, manual=True)
        again = plan(seen(waiting, blue=Q, green=R), LAST, R, manual=True)
        assert (again.create, again.target, again.generation, again.attempt) == (
            None,
            first.target,
            first.generation,
            first.attempt,
        )

    def test_a_return_to_the_standby_waits_too(self) -> None:
        assert plan(seen(blue=Q, green=R), LAST, R, manual=True).waits
        assert not plan(seen(blue=Q, green=R), LAST, Q, manual=True).waits

    def test_so_does_a_release_that_is_planned_unseen(self) -> None:
        unseen = plan_unseen(LAST, R, "no answer", manual=True)
        assert (unseen.waits, unseen.flips) == (True, False)

    def test_the_first_release_does_not_wait(self) -> None:
        assert plan(Observed(damage="the journal is missing"), Last(), R, manual=True).flips


class TestInterrupted:
    """A killed deployer leaves the journal at a phase; the next plan goes on from there."""

    def starting(self, live: bool = True) -> Journal:
        journal = Journal().flipped("blue", Q, "release", AT) if live else Journal()
        return journal.begun("green" if live else "blue", R, AT)

    def test_containers_that_pulumi_may_not_know_are_made_anew(self) -> None:
        made = plan(seen(self.starting(), blue=Q, green=R), LAST, R)
        assert (made.create, made.target, made.attempt) == ("green", "green", 2)

    def test_given_up_they_become_a_standby_of_the_live_release(self) -> None:
        made = plan(seen(self.starting(), blue=Q, green=R), LAST, Q)
        assert (made.create, made.target, made.flips, made.generation) == ("green", "blue", False, 1)
        assert made.note

    def test_past_the_gate_nothing_is_made_anew(self) -> None:
        gating = self.starting().at_phase("gating", "green", AT)
        assert plan(seen(gating, blue=Q, green=R), LAST, R).create is None

    def test_the_first_release_of_all(self) -> None:
        assert plan(seen(self.starting(live=False), blue=R), Last(), R).create == "blue"
        gating = self.starting(live=False).at_phase("gating", "blue", AT)
        made = plan(seen(gating, blue=R), Last(), R)
        assert (made.create, made.target, made.flips, made.generation) == (None, "blue", True, 1)

    def test_after_the_flip_the_plan_is_what_it_was(self) -> None:
        """The step's inputs are the same before and after, so an update that went through shows no change later."""
        before = plan(seen(blue=Q, green=S), LAST, R)
        flipped = Journal(attempt=1).flipped("blue", Q, "release", AT).begun("green", R, AT)
        after = plan(
            replace(seen(flipped.flipped("green", R, "release", AT), blue=Q, green=R), marker="green"), LAST, R
        )
        assert (after.target, after.generation, after.attempt) == (before.target, before.generation, before.attempt)
        assert after.create is None


class TestGone:
    def test_without_the_edge_and_its_state_nothing_is_touched(self) -> None:
        made = plan(replace(seen(blue=Q), edge="exited", journal=None), LAST, Q)
        assert made.frozen
        assert "exited" in made.note
        assert "nothing was changed" in plan(replace(seen(blue=Q), edge="absent", journal=None), LAST, R).refusal

    @pytest.mark.parametrize("edge", ["absent", "created", "exited"])
    def test_an_edge_that_does_not_run_is_planned_for_by_its_state(self, edge: str) -> None:
        made, there = plan(replace(seen(blue=Q), edge=edge), LAST, R), plan(seen(blue=Q), LAST, R)
        assert f"The edge is {edge}" in made.note
        assert replace(made, note=there.note) == there

    def test_a_refusal_says_that_the_edge_does_not_run_and_what_brings_it_back(self) -> None:
        rejected = Journal().flipped("blue", Q, "release", AT).reject(R, "20 of 100 failed on green", AT)
        for there in (seen(rejected, blue=Q, green=R), seen(green=R)):
            wanted = R if there.colours["blue"] else S
            with_edge = plan(there, LAST, wanted).refusal
            # The outputs are those of an update that was rolled back since: the live release is the journal's.
            without = plan(replace(there, edge="exited"), Last(live="green", release=S), wanted).refusal
            assert without.startswith(with_edge)
            assert "The edge is exited, so no request is answered" in without
            assert f"configuration of release {Q} and `pulumi up --refresh`" in without
            assert "The edge" not in with_edge

    def test_a_live_colour_without_containers(self) -> None:
        made = plan(seen(green=R), LAST, S)
        assert "flip --to green" in made.refusal
        nothing = plan(seen(), LAST, R)
        assert (nothing.create, nothing.target, nothing.flips) == ("blue", "blue", False)

    @pytest.mark.parametrize("green", [{}, {"green": R}, {"green": S}])
    @pytest.mark.parametrize("answering", [{"green"}, set()])
    def test_a_rejected_release_does_not_take_its_place(self, green: dict[str, str], answering: set[Colour]) -> None:
        """Nor is a person told to flip to it."""
        journal = Journal(attempt=4).flipped("blue", Q, "release", AT).reject(R, "20 of 100 failed on green", AT)
        here = replace(seen(journal, **green), answering=frozenset(answering))
        refused = plan(here, LAST, R).refusal
        assert f"Release {R} was rejected at {AT}: 20 of 100 failed on green" in refused
        assert "blue is live and has no container" in refused
        assert "flip" not in refused
        own = replace(here, journal=journal.reject(Q, "bad", AT))
        assert plan(own, LAST, Q).create == "blue", "a person has made it live"

    @pytest.mark.parametrize("green", [{}, {"green": R}, {"green": Q}])
    def test_its_own_release_is_made_again(self, green: dict[str, str]) -> None:
        """The numbers are the journal's, so a preflight that Pulumi does not know yet is not refused."""
        here = seen(Journal(attempt=4).flipped("blue", Q, "release", AT), **green)
        made = plan(here, LAST, Q)
        assert (made.create, made.target, made.flips, made.refusal, made.frozen) == ("blue", "blue", False, "", False)
        assert (made.generation, made.attempt) == (1, 5)
        assert set(made.declared) == set(green)

    def test_nothing_takes_away_the_colour_that_answers_while_the_live_one_is_down(self) -> None:
        down = replace(seen(blue=Q, green=S), answering=frozenset({"green"}))
        for manual in (False, True):
            made = plan(down, LAST, R, manual=manual)
            assert made.refusal.startswith(
                "blue is live but does not answer: requests go to green. Nothing was changed"
            )
            assert "`python -m rollout flip --to green`, then run the same command again" in made.refusal
        cut_off = replace(down, journal=Journal().flipped("blue", Q, "release", AT).begun("green", S, AT))
        assert "flip --to green" in plan(cut_off, LAST, Q).refusal
        for wanted in (Q, S):
            assert plan(down, LAST, wanted) == plan(seen(blue=Q, green=S), LAST, wanted), "it removes nothing"

    @pytest.mark.parametrize("answering", [{"blue"}, set()])
    def test_where_the_other_colour_does_not_answer_a_release_is_the_way_out(self, answering: set[Colour]) -> None:
        here = replace(seen(blue=Q, green=S), answering=frozenset(answering))
        assert plan(here, LAST, R) == plan(seen(blue=Q, green=S), LAST, R)
        first = Observed(damage="the journal is missing", answering=frozenset(answering))
        assert not plan(first, Last(), R).refusal

    def test_neither_a_live_container_nor_an_answer_of_the_other_colour(self) -> None:
        made = plan(replace(seen(green=R), answering=frozenset()), LAST, S)
        assert (made.create, made.target, made.flips, made.refusal) == ("blue", "blue", False, "")
        assert made.declared == {"green": ("x-api-green",)}

    def test_a_preview_that_sees_nothing_goes_by_the_outputs(self) -> None:
        same, other = plan_unseen(LAST, Q, "no answer"), plan_unseen(LAST, R, "no answer")
        assert (same.frozen, same.create) == (True, None)
        assert (other.create, other.declared) == ("green", {"blue": ()})
        assert plan_unseen(Last(), R, "no answer").create == "blue"
        assert "no answer" in same.note


class TestShort:
    """A container of a colour was removed by hand: one of two is left."""

    @staticmethod
    def pair(blue: str, blue_count: int, green: str, green_count: int) -> Observed:
        def made(colour: Colour, release: str, count: int) -> tuple[Replica, ...]:
            return tuple(replace(replica, of=2) for replica in replicas(colour, release, count))

        colours: Colours = {"blue": made("blue", blue, blue_count), "green": made("green", green, green_count)}
        return replace(seen(), colours=colours)

    @pytest.mark.parametrize(("green", "green_count"), [(S, 2), (S, 1), (Q, 1)])
    def test_the_live_one_is_released_to_the_other(self, green: str, green_count: int) -> None:
        made = plan(self.pair(Q, 1, green, green_count), LAST, Q)
        assert (made.target, made.create, made.flips, made.generation, made.attempt) == ("green", "green", True, 2, 2)
        assert made.declared == {"blue": ("x-api-blue",)}, "the live one is not touched"
        assert "blue has 1 of 2 containers" in made.note
        assert not plan(self.pair(Q, 1, green, green_count), LAST, Q, manual=True).flips

    def test_a_whole_standby_of_the_same_release_takes_over(self) -> None:
        made = plan(self.pair(Q, 1, Q, 2), LAST, Q)
        assert (made.target, made.create, made.flips) == ("green", None, True)

    def test_then_nothing_is_left_to_do(self) -> None:
        """The step's inputs are what they were, so the next update shows no change."""
        before = self.pair(Q, 1, S, 2)
        assert before.journal
        flipped = before.journal.begun("green", Q, AT).flipped("green", Q, "release", AT)
        after = replace(self.pair(Q, 1, Q, 2), journal=flipped, marker="green")
        first, again = plan(before, LAST, Q), plan(after, Last(live="green", release=Q), Q)
        assert (again.target, again.create, again.flips) == ("green", None, False)
        assert (again.generation, again.attempt) == (first.generation, first.attempt)
        assert again.note == "blue has 1 of 2 containers. The next release makes blue anew."

    def test_one_that_is_not_live_is_made_anew_by_the_next_release(self) -> None:
        kept = plan(self.pair(Q, 2, S, 1), LAST, Q)
        assert (kept.target, kept.create, kept.flips) == ("blue", None, False)
        assert "green has 1 of 2 containers" in kept.note
        assert (plan(self.pair(Q, 2, S, 1), LAST, S).create, plan(self.pair(Q, 2, S, 2), LAST, S).create) == (
            "green",
            None,
        )

    def test_a_rejected_release_is_brought_nowhere(self) -> None:
        here = self.pair(Q, 1, S, 2)
        assert here.journal
        made = plan(replace(here, journal=here.journal.reject(Q, "bad", AT)), LAST, Q)
        assert (made.create, made.flips, made.refusal) == (None, False, "")

    def test_a_colour_whose_labels_do_not_say_how_many_is_whole(self) -> None:
        assert plan(seen(blue=Q, green=S), LAST, Q).note == ""


def test_replicas_that_exist_are_declared_by_name() -> None:
    """The live colour keeps its three, though fewer or more are wanted now."""
    three = replace(seen(blue=Q), colours={"blue": replicas("blue", Q, 3), "green": ()})
    assert plan(three, LAST, R).declared == {"blue": ("x-api-blue", "x-api-blue-2", "x-api-blue-3")}


def test_a_colour_of_two_releases_runs_neither() -> None:
    mixed = (*replicas("green", R), replace(replicas("green", S, 2)[1]))
    assert plan(replace(seen(blue=Q), colours={"blue": replicas("blue", Q), "green": mixed}), LAST, R).create == "green"
