"""The benchmark's arithmetic: what is a loss, when a flip is seen, which answers are wrong, where the table goes."""

import math
from pathlib import Path

import pytest

from tools.benchmarks import cost_report, report
from tools.benchmarks.contenders import BLUE, GREEN, Contender
from tools.benchmarks.cost import MIB, Cost, Part
from tools.benchmarks.failed import Failed
from tools.benchmarks.flips import Flip, Flipped
from tools.benchmarks.speed import Round, Speed, measured, percentile
from tools.lab.load.client import Request, Result

FLIPS = (Flip(to=GREEN, begin=10.0, done=10.5), Flip(to=BLUE, begin=12.0, done=12.5, failed=1))


def request(start: float, version: str, *, kind: str = "get", lasts: float = 0.01, outcome: str = "ok") -> Request:
    return Request(kind, start, start + lasts, version, outcome)


def flipped(*requests: Request) -> Flipped:
    return Flipped(flips=FLIPS, result=Result(list(requests)))


class TestFlips:
    def test_a_flip_is_seen_with_its_first_answer_on_a_new_connection(self) -> None:
        found = flipped(
            request(9.99, BLUE),
            request(10.05, GREEN, kind="keepalive"),
            request(10.1, BLUE),
            request(10.24, GREEN),
            request(10.3, GREEN),
            request(12.09, BLUE),
        )
        assert found.waits(GREEN) == [pytest.approx(0.25)]
        assert found.waits(BLUE) == [pytest.approx(0.1)]

    def test_a_flip_that_nobody_saw(self) -> None:
        assert flipped(request(10.1, BLUE), request(12.6, GREEN)).waits(GREEN) == [math.inf]

    def test_an_answer_is_wrong_only_when_the_flip_was_said_to_be_done(self) -> None:
        wrong = request(11.0, BLUE, kind="keepalive")
        later = request(13.0, GREEN)
        found = flipped(
            request(9.0, BLUE),
            request(10.2, BLUE),
            wrong,
            request(11.2, GREEN),
            request(11.995, BLUE, lasts=0.1),
            request(12.3, GREEN),
            later,
        )
        assert found.wrong().requests == [wrong, later]

    def test_a_lost_request_and_a_stream_are_not_wrong_too(self) -> None:
        found = flipped(
            request(11.0, "", outcome="read: reset"), request(10.9, BLUE, kind="stream", outcome="truncated")
        )
        assert not found.wrong().requests


def results(found: Flipped) -> report.Results:
    contender = Contender(name="one", software="one 1.0", url="", direct="", ca=Path(), forth=(), back=())
    own = Speed(rate=500, rate_ratio=0.25, p99=0.0042, p99_ratio=2.1, first=0.003, first_ratio=1.5, lost=3, wrong=4)
    alone = Speed(rate=2000, rate_ratio=1, p99=0.002, p99_ratio=1, first=0.002, first_ratio=1, lost=0, wrong=0)
    return report.Results(
        command="python -m tools.benchmarks --flips 2",
        machine=["a machine"],
        contenders=[contender],
        flipped={"one": found},
        speed={"one": own, "backend": alone},
    )


class TestReport:
    def test_every_loss_is_in_the_row_of_its_kind(self) -> None:
        found = flipped(
            request(10.2, GREEN),
            request(10.3, "", kind="keepalive", outcome="read: closed"),
            request(10.4, GREEN, kind="keepalive"),
            request(10.5, "", kind="fresh", outcome="connect: refused"),
            request(10.6, "", outcome="502"),
            request(10.7, BLUE, kind="stream", outcome="truncated"),
            request(11.0, BLUE),
            request(12.2, BLUE),
        )
        rows = {label: cells[0] for label, cells in report.rows(results(found))}
        assert rows == {
            "flips, there and back": "2",
            "commands that failed first": "1",
            "requests sent": "8",
            "lost POST, kept connection": "1 of 2",
            "lost POST, new connection": "1 of 1",
            "lost GET, new connection": "1 of 4",
            "truncated streams": "1 of 1",
            "wrong colour after the command": "1",
            "flip, ms: median, worst": "210, 210",
            "rollback, ms: median, worst": "210, 210",
            "the whole command, ms: median": "500",
            "throughput (2,000/s alone)": "25%, 500/s",
            "p99 (2.0 ms alone)": "2.1 x, 4.2 ms",
            "first event (2.0 ms alone)": "1.5 x, 3.0 ms",
            "lost at full speed": "3",
            "wrong colour at full speed": "4",
        }

    def test_the_table_replaces_the_one_before_and_nothing_else(self, tmp_path: Path) -> None:
        file = tmp_path / "benchmarks.md"
        file.write_text(f"before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n")
        found = results(flipped(request(10.2, GREEN), request(12.2, BLUE)))
        report.write(report.markdown(found), file, report.BEGIN)
        once = file.read_text()
        report.write(report.markdown(found), file, report.BEGIN)
        assert file.read_text() == once
        assert once.startswith(f"before\n\n{report.BEGIN}\n\nCommand: `python -m tools.benchmarks --flips 2`\n")
        assert "\n| flips, there and back | 2 |\n" in once
        assert once.endswith(f"\n{report.END}\n\nafter\n")
        assert "old" not in once

    @pytest.mark.parametrize("text", ["", report.BEGIN, report.END])
    def test_a_file_without_a_place_is_refused(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "benchmarks.md"
        file.write_text(text)
        with pytest.raises(Failed, match="no place for results"):
            report.check(file, report.BEGIN)


def test_the_cost_of_the_monitoring_is_that_of_the_pairs_of_rounds() -> None:
    def a_round(rate: float, p99: float, lost: int = 0) -> Round:
        return Round(rate=rate, p99=p99, first=0.001, lost=lost, wrong=0)

    found = Cost(
        parts={"one": Part(memory=3 * MIB, rest=0.01, busy=0.5), "other": Part(memory=4 * MIB, rest=0.02, busy=0.25)},
        watched=[a_round(900, 0.003), a_round(500, 0.004, lost=2), a_round(960, 0.006)],
        alone=[a_round(1000, 0.002), a_round(505, 0.004), a_round(1000, 0.004, lost=1)],
    )
    assert cost_report.rows(found) == [
        ("one", "3", "0.010", "0.50"),
        ("other", "4", "0.020", "0.25"),
        ("all", "7", "0.030", "0.75"),
    ]
    text = cost_report.markdown(found, "a command", ["a machine"])
    assert "answers 900 requests a second with the monitoring, 96% of what" in text
    assert "p99 is 1.50 times as long. 3 requests were lost." in text


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.991, 100), (1, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_an_answer_of_the_standby_at_full_speed_is_wrong_and_one_from_nobody_is_lost() -> None:
    closed = Result(
        [
            request(10.0, GREEN, kind="keepalive"),
            request(10.1, BLUE, kind="keepalive"),
            request(10.2, "", kind="keepalive", outcome="502"),
        ]
    )
    paced = Result([request(0.0, BLUE, kind="keepalive", lasts=0.03), request(11.1, GREEN, kind="keepalive")])
    streams = Result(
        [
            Request("stream", 10.0, 10.5, GREEN, "ok", 10.25),
            Request("stream", 10.5, 10.6, "", "truncated"),
        ]
    )
    found = measured(closed, paced, streams, seconds=2, live=GREEN)
    assert found == Round(rate=1, p99=0.03, first=0.25, lost=2, wrong=2)
