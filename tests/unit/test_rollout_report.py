"""What a change of the journal says to those who watch."""

import json
from typing import Any

from rollout.journal import Journal
from rollout.report import events, metrics

EMPTY = Journal()
BEGUN = EMPTY.begun("blue", "r1", "2026-01-01T00:00:00Z")
LIVE = BEGUN.flipped("blue", "r1", "release", "2026-01-01T00:00:05Z")
SECOND = LIVE.begun("green", "r2", "2026-01-02T00:00:00Z").flipped("green", "r2", "release", "2026-01-02T00:00:05Z")
BACK = SECOND.flipped("blue", "r1", "watch", "2026-01-02T00:00:09Z").reject("r2", "errors", "2026-01-02T00:00:09Z")


def said(before: Journal | None, after: Journal) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events(before, after).splitlines()]


class TestMetrics:
    def test_before_the_first_release_there_is_no_colour(self) -> None:
        assert "orca_release_colour{" not in metrics(EMPTY)
        assert "orca_release_flips_total 0\n" in metrics(EMPTY)

    def test_live_and_standby(self) -> None:
        assert 'orca_release_colour{colour="green",release="r2",role="live"} 1\n' in metrics(SECOND)
        assert 'orca_release_colour{colour="blue",release="r1",role="standby"} 1\n' in metrics(SECOND)

    def test_a_colour_that_has_not_been_live_is_no_standby(self) -> None:
        """As `status` has it: a rollback to it is refused."""
        gated = LIVE.begun("green", "r2", "2026-01-02T00:00:00Z")
        assert 'orca_release_colour{colour="green",release="r2",role="unreleased"} 1\n' in metrics(gated)
        again = BACK.begun("green", "r2", "2026-01-03T00:00:00Z")
        assert 'colour="green",release="r2",role="unreleased"' in metrics(again)
        same = LIVE.begun("green", "r1", "2026-01-02T00:00:00Z")
        assert 'colour="green",release="r1",role="standby"' in metrics(same)

    def test_rejected_since(self) -> None:
        assert 'orca_release_rejected_timestamp_seconds{release="r2"} 1767312009\n' in metrics(BACK)

    def test_each_metric_has_its_help_and_type_once(self) -> None:
        names = [line.split()[2] for line in metrics(BACK).splitlines() if line.startswith("# TYPE")]
        assert len(names) == len(set(names)) == 6


class TestEvents:
    def test_a_release_begins(self) -> None:
        (event,) = said(None, BEGUN)
        assert (event["kind"], event["event"], event["colour"], event["release"]) == (
            "rollout",
            "starting",
            "blue",
            "r1",
        )
        assert event["by"].count("@") == 1

    def test_a_flip(self) -> None:
        flip, done = said(BEGUN, LIVE)
        assert (flip["event"], flip["from"], flip["colour"], flip["reason"]) == ("flip", None, "blue", "release")
        assert done["event"] == "done"

    def test_a_rollback_names_the_release_and_the_reason(self) -> None:
        found = said(SECOND, BACK)
        assert [event["event"] for event in found] == ["flip", "rejected"]
        assert (found[1]["release"], found[1]["reason"]) == ("r2", "errors")

    def test_what_a_person_allows_again(self) -> None:
        assert [event["event"] for event in said(BACK, BACK.allow("r2", "2026-01-03T00:00:00Z"))] == ["allowed"]

    def test_nothing_of_nothing(self) -> None:
        assert events(BACK, BACK.timed(7)) == ""
