"""Counting: requests in flight by the kernel's table, and failed ones by the edge's log."""

import json
import time
from dataclasses import replace

import pytest

from rollout import connections
from rollout.accesslog import Score, Tally, failed
from rollout.claim import Claim
from rollout.colours import Replica
from settings.api import Api
from workloads import api

# Two to 10.78.1.32:8000 (one established, one being opened), one closed by us, one to the other colour, one client.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 12345 1 0 100 0 0 10 0
   1: 05014E0A:A3D2 20014E0A:1F40 01 00000000:00000000 00:00000000 00000000   101        0 12346 1 0 20 4 30 10 -1
   2: 05014E0A:A3D4 20014E0A:1F40 02 00000001:00000000 01:00000064 00000000   101        0 12347 2 0 100 0 0 10 -1
   3: 05014E0A:A3D6 20014E0A:1F40 06 00000000:00000000 03:00000F00 00000000     0        0 0 3 0
   4: 05014E0A:A3D8 40014E0A:1F40 01 00000000:00000000 00:00000000 00000000   101        0 12348 1 0 20 4 30 10 -1
   5: 05004E0A:20FB 01004E0A:D431 01 00000000:00000000 00:00000000 00000000   101        0 12349 1 0 20 4 30 10 -1
"""


class TestConnections:
    @pytest.mark.parametrize(
        ("addresses", "count"), [(["10.78.1.32"], 2), (["10.78.1.64"], 1), (["10.78.1.33"], 0), ([], 0)]
    )
    def test_open_ones_to_an_address_are_in_flight(self, addresses: list[str], count: int) -> None:
        assert connections.in_flight(TABLE, addresses) == count

    def test_all_addresses_of_a_colour_count(self) -> None:
        assert connections.in_flight(TABLE, ["10.78.1.32", "10.78.1.64"]) == 3

    def test_an_empty_table(self) -> None:
        assert connections.in_flight("", ["10.78.1.32"]) == 0


class TestDrain:
    """With a clock that only sleeping moves: the host's own clock has no say in it."""

    @pytest.fixture
    def counts(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        left: list[int] = []
        monkeypatch.setattr(connections, "count", lambda *_: left.pop(0) if len(left) > 1 else left[0])
        hours = iter(range(0, 10**9, 3600))
        monkeypatch.setattr(time, "time", lambda: next(hours) * (-1) ** next(hours))
        return left

    def drain(self, timeout: float, keep_alive: int | None = None) -> tuple[int, float]:
        now = [100.0]
        way = None if keep_alive is None else replace(api.way(Api()), keep_alive=keep_alive)
        replicas = (Replica(name="x-api-blue", colour="blue", index=0, way=way),)
        left = connections.drained(
            Claim(None, held=""),  # type: ignore[arg-type]  # nothing but the counting asks its edge
            replicas,
            timeout,
            clock=lambda: now[0],
            sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        )
        return left, now[0] - 100

    def test_it_ends_with_the_last_request(self, counts: list[int]) -> None:
        counts[:] = [3, 2, 2, 1, 0]
        assert self.drain(60) == (0, 2.0)

    def test_it_ends_with_its_time(self, counts: list[int], capsys: pytest.CaptureFixture[str]) -> None:
        counts[:] = [1]
        assert self.drain(25) == (1, 25.0)
        assert capsys.readouterr().err.splitlines() == [
            "drain 0/25 s: 1 in flight on blue",
            "drain 10/25 s: 1 in flight on blue",
            "drain 20/25 s: 1 in flight on blue",
        ]

    def test_idle_connections_get_the_time_to_go(self, counts: list[int]) -> None:
        """The edge keeps them for 5 s, however short the drain is to be."""
        counts[:] = [9, 9, 9, 9, 9, 0]
        assert self.drain(0, keep_alive=5) == (0, 2.5)
        counts[:] = [9]
        assert self.drain(0, keep_alive=5) == (9, 6.0)

    def test_nothing_in_flight_is_no_wait(self, counts: list[int], capsys: pytest.CaptureFixture[str]) -> None:
        counts[:] = [0]
        assert self.drain(60) == (0, 0.0)
        assert capsys.readouterr().err == ""


def line(**entry: str) -> str:
    """A line whose request one server answered, unless `entry` says more."""
    answered = {"upstream_addr": "10.0.0.64:8000", "upstream_header_time": "0.003", "upstream_bytes": "180"}
    status = {"status": entry.get("status", "200"), "upstream_status": entry.get("status", "200")}
    return json.dumps({"kind": "access", "colour": "green"} | answered | status | entry)


# The client's status, the colour, and the upstream's address, status, header time and bytes.
Row = tuple[str, str, tuple[str, str, str, str], bool | None]
G, B, BOTH = "10.0.0.64:8000", "10.0.0.32:8000", "10.0.0.64:8000, 10.0.0.32:8000"
NOWHERE = ("", "", "", "")
LOGGED: dict[str, Row] = {  # by nginx 1.30.6 for such requests
    "its own 500": ("500", "green", (G, "500", "0.001", "37"), True),
    "its own 502": ("502", "green", (G, "502", "0.001", "37"), True),
    "closed early": ("502", "green", (G, "502", "-", "0"), True),
    "no connection, the standby answered": ("200", "blue", (BOTH, "504, 200", "-, 0.001", "0, 132"), True),
    "no connection, and none to the standby": ("504", "blue", (BOTH, "504, 504", "-, -", "0, 0"), True),
    "an answer cut in its body": ("200", "green", (G, "200", "0.001", "43"), False),
    "a 404": ("404", "green", (G, "404", "0.001", "176"), False),
    "no HTTP at all": ("009", "green", (G, "200", "0.005", "7"), False),
    "the client left": ("499", "green", (G, "-", "-", "0"), False),
    "a head that is too long": ("502", "green", (G, "502", "-", "4096"), None),
    "a malformed head": ("502", "green", (G, "502", "-", "30"), None),
    "an unknown transfer coding": ("400", "none", NOWHERE, None),
    "an unknown version": ("400", "none", NOWHERE, None),
    "a body that does not end": ("400", "none", NOWHERE, None),
    "the other colour's 500": ("500", "blue", (B, "500", "0.001", "37"), None),
}
RARE: dict[str, Row] = {  # as nginx's source has it
    "no answer in time": ("504", "green", (G, "504", "-", "0"), True),
    "no end of the head in time": ("504", "green", (G, "504", "-", "20"), True),
    "no replica left to try": ("502", "none", (f"{G}, green", "502, 502", "-, -", "0, 0"), True),
    "no replica to try at all": ("502", "none", ("green", "502", "-", "0"), None),
    "a standby that answered 500": ("500", "blue", (BOTH, "502, 500", "-, 0.001", "0, 37"), True),
    "a malformed head after another try": ("502", "green", (f"{B}, {G}", "504, 502", "-, -", "0, 30"), None),
    "an error of nginx's own after a good answer": ("500", "green", (G, "200", "0.001", "180"), False),
    "an error of nginx's own while it connected": ("500", "green", (G, "-", "-", "0"), False),
    "a refusal of nginx's own": ("501", "none", NOWHERE, None),
    "a limit": ("503", "none", NOWHERE, None),
}


class TestAccessLog:
    GREEN = frozenset({"10.0.0.64", "10.0.0.65"})

    @pytest.mark.parametrize(
        ("text", "verdict"),
        [
            (line(), False),
            (line(status="404"), False),
            (line(status="499"), False),
            (line(status="500"), True),
            (line(status="504"), True),
            (line(colour="blue", upstream_addr="10.0.0.32:8000"), None),
            (line(colour="blue", upstream_addr="10.0.0.64:8000, 10.0.0.32:8000", upstream_status="502, 200"), True),
            (line(colour="green", upstream_addr="10.0.0.65:8000, 10.0.0.64:8000", upstream_status="502, 200"), False),
            (line(colour="green", upstream_addr="10.0.0.32:8000, 10.0.0.64:8000", upstream_status="502, 200"), False),
            (line(colour="none", upstream_addr="-", status="404"), None),
            (line(colour="none", upstream_addr="", status="400"), None),
            (line(kind="other"), None),
            (line()[:40], None),
            ("2026/01/01 00:00:00 [error] 30#30: connect() failed", None),
            ("", None),
        ],
    )
    def test_what_counts_for_a_colour(self, text: str, verdict: bool | None) -> None:
        assert failed(text, "green", self.GREEN) is verdict

    @pytest.mark.parametrize("kind", [*LOGGED, *RARE])
    def test_what_a_line_proves(self, kind: str) -> None:
        status, colour, upstream, verdict = (LOGGED | RARE)[kind]
        names = ("upstream_addr", "upstream_status", "upstream_header_time", "upstream_bytes")
        entry = dict(zip(names, upstream, strict=True))
        assert failed(line(status=status, colour=colour, **entry), "green", self.GREEN) is verdict

    def test_a_line_of_an_edge_that_logs_no_bytes(self) -> None:
        entry = json.loads(line(status="502", upstream_header_time="-"))
        del entry["upstream_bytes"]
        assert failed(json.dumps(entry), "green", self.GREEN) is True

    def test_a_late_failure_is_not_excused_by_a_good_start(self) -> None:
        tally = Tally()
        for _ in range(1000):
            tally.add(False)
        for _ in range(5):
            tally.next_second()
        for bad in (True, True, True, False):
            tally.add(bad)
        assert tally.all == Score(total=1004, failed=3)
        assert tally.recent == Score(total=4, failed=3)
        assert tally.recent.ratio == 0.75

    def test_it_is_told_with_separators(self) -> None:
        assert str(Score(total=4310, failed=0)) == "0 of 4,310 failed"
        assert Score().ratio == 0
