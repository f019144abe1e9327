"""The journal: what it keeps, what it refuses to read, and how it follows the marker."""

import json
from dataclasses import replace

import pytest

from rollout.arguments import Smoke, Terms
from rollout.journal import Journal, parse, rebuilt

Q, R = "q" * 12, "r" * 12
AT = "2026-01-01T00:00:00Z"
FULL = (
    Journal()
    .begun("blue", Q, AT)
    .flipped("blue", Q, "release", AT)
    .timed(38)
    .begun("green", R, AT)
    .reject("x" * 12, "rolled back by hand", AT)
    .at_phase("waiting", "green", AT, Terms(passes=3, watch=30, error_ratio=0.05))
)


def test_it_reads_what_it_writes() -> None:
    assert parse(FULL.dump()) == FULL


def test_the_terms_keep_the_smoke_request() -> None:
    smoke = Smoke(method="POST", path="/v1/chat", body='{"a": "ü"}', expect="[DONE]", timeout=120)
    terms = Terms(passes=3, watch=30, error_ratio=0.05, smoke=smoke)
    waiting = FULL.at_phase("waiting", "green", AT, terms)
    assert parse(waiting.dump()).terms == terms


def test_version_0_1_and_this_one_read_each_other() -> None:
    """Its terms have no smoke request. Only a release that waits for a person writes one."""
    assert json.loads(FULL.dump())["terms"] == {"passes": 3, "watch": 30, "error_ratio": 0.05}


def test_flips_are_written_with_the_names_that_others_rely_on() -> None:
    flip = json.loads(FULL.dump())["flips"][0]
    assert flip == {"at": AT, "from": None, "to": "blue", "release": Q, "reason": "release", "ms": 38}


@pytest.mark.parametrize(
    "text", ["", "garbage", "{}", "[]", "null", "3", '{"flips": 1}', FULL.dump()[:80], '{"unknown": 1}', "\x00" * 40]
)
def test_what_is_no_journal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_it_counts_flips_and_attempts() -> None:
    assert (FULL.generation, FULL.attempt) == (1, 2)
    after = FULL.flipped("green", R, "release", AT)
    assert (after.generation, after.live, after.previous, after.phase, after.target) == (
        2,
        "green",
        "blue",
        "done",
        None,
    )
    assert after.releases == {"blue": Q, "green": R}


def test_the_marker_decides() -> None:
    assert FULL.repaired("blue", AT) is FULL
    moved = FULL.repaired("green", AT)
    assert (moved.live, moved.previous, moved.generation) == ("green", "blue", 2)
    assert (moved.flips[-1].release, moved.flips[-1].reason) == (R, "found by the marker")
    nothing_live = Journal().begun("blue", Q, AT)
    assert nothing_live.repaired("blue", AT) is nothing_live


class TestHasBeenLive:
    """R is live on blue, attempt 2; the other colour was live before with Q, attempt 1."""

    PAIR = Journal().begun("green", Q, AT).flipped("green", Q, "release", AT).begun("blue", R, AT)
    PAIR = PAIR.flipped("blue", R, "release", AT)

    def test_a_standby_has(self) -> None:
        assert self.PAIR.has_been_live("green", Q, older=True)
        assert self.PAIR.has_been_live("blue", R, older=False)
        back = self.PAIR.flipped("green", Q, "flipped by hand", AT)
        assert back.has_been_live("blue", R, older=False), "it is the younger one"

    def test_a_colour_that_was_made_anew_has_not_even_if_that_is_given_up(self) -> None:
        for release in ("x" * 12, Q):
            failed = self.PAIR.begun("green", release, AT).at_phase("gating", "green", AT)
            for journal in (failed, failed.at_phase("done", None, AT), parse(failed.dump())):
                assert not journal.has_been_live("green", release, older=False)
            assert failed.has_been_live("blue", R, older=True)

    def test_a_live_colour_that_is_made_again_leaves_the_standby(self) -> None:
        assert self.PAIR.begun("blue", R, AT).has_been_live("green", Q, older=True)

    def test_of_an_earlier_version(self) -> None:
        """It kept `previous` when it made a colour anew."""
        failed = replace(self.PAIR.begun("green", "x" * 12, AT).at_phase("done", None, AT), previous="green")
        assert not failed.has_been_live("green", "x" * 12, older=False)
        # Made again while it was live and gone, so no flip names its release.
        assert replace(self.PAIR, releases={}).has_been_live("green", "x" * 12, older=True)
        assert not Journal().flipped("blue", R, "release", AT).has_been_live("green", "x" * 12, older=False)

    def test_a_journal_that_was_made_anew_trusts_the_other_colour(self) -> None:
        assert rebuilt("blue", {"blue": R, "green": Q}, 2, AT).has_been_live("green", Q, older=False)


def test_a_rejection_lasts_until_it_is_lifted() -> None:
    twice = FULL.reject(R, "first", AT).reject(R, "second", AT)
    found = twice.rejection(R)
    assert found
    assert found.reason == "second"
    assert [rejection.release for rejection in twice.rejected].count(R) == 1
    assert twice.allow(R, AT).rejection(R) is None
    assert twice.allow(R, AT).rejection("x" * 12)


def test_it_does_not_grow_for_ever() -> None:
    journal = Journal()
    for n in range(100):
        journal = journal.flipped("green" if n % 2 else "blue", f"{n:012}", "release", AT).reject(f"{n:012}", "bad", AT)
    assert journal.generation == 100
    assert len(journal.flips) == len(journal.rejected) == 20
    assert journal.flips[-1].release == f"{99:012}"
    assert len(journal.dump()) < 10_000


def test_it_can_be_made_anew_from_what_is_seen() -> None:
    made = rebuilt("green", {"blue": Q, "green": R}, 7, AT)
    assert (made.live, made.previous, made.generation, made.attempt) == ("green", "blue", 1, 7)
    assert (made.releases, made.rejected) == ({"blue": Q, "green": R}, ())
    assert rebuilt("blue", {"blue": Q}, 1, AT).previous is None
    assert rebuilt("blue", {}, 0, AT).live is None
