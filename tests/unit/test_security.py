"""The audit's own judgement: how answers are split, findings are excused, requests are made and results are written."""

from pathlib import Path

import pytest

from tools.audit import report
from tools.audit.checks.containers import CHECKS, excuses
from tools.audit.checks.fuzz import malformed
from tools.audit.checks.requests import CLIENT, Case, judge
from tools.audit.stack import HTTPS
from tools.audit.verdict import verdict
from tools.audit.wire import Reply, replies

OUTSIDE = f"localhost:{HTTPS}"
CLEAN = (
    f"GET /v1/echo HTTP/1.1\r\nHost: {OUTSIDE}\r\nX-Forwarded-Host: {OUTSIDE}\r\nX-Forwarded-Proto: https\r\n"
    f"X-Forwarded-Port: {HTTPS}\r\nX-Forwarded-For: {CLIENT}\r\nX-Real-IP: {CLIENT}\r\nX-Request-ID: 1\r\n\r\n"
)


def echo(head: str, extra: int = 0) -> Reply:
    body = f'{{"head": {head!r}, "body": 0, "extra": {extra}}}'.replace("'", '"')
    return Reply(status=200, headers={"server": "nginx"}, body=body.encode())


class TestAnswers:
    def test_are_split(self) -> None:
        one, other = replies(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Gone\r\nX-A: b\r\nContent-Length: 0\r\n\r\n"
        )
        assert (one.status, one.body) == (200, b"ok")
        assert (other.status, other.headers["x-a"]) == (404, "b")

    def test_what_is_no_http_has_status_0(self) -> None:
        assert [reply.status for reply in replies(b"<html>")] == [0]
        assert replies(b"") == []


class TestJudgement:
    CASE = Case("x", b"", 200)

    def test_a_clean_request(self) -> None:
        assert judge(self.CASE, [echo(CLEAN)], "") == []

    @pytest.mark.parametrize(
        ("head", "said"),
        [
            (CLEAN.replace("X-Real-IP", "Forwarded: for=1\r\nX-Real-IP"), "forwarded: for=1"),
            (CLEAN.replace(CLIENT, "203.0.113.9", 1), "203.0.113.9"),
            (CLEAN.replace("X-Real-IP", "X-Forwarded-For: 10.0.0.9\r\nX-Real-IP"), "x-forwarded-for as"),
            (CLEAN.replace(f"Host: {OUTSIDE}\r\nX", "Host: evil.example\r\nX"), "evil.example"),
            (CLEAN.replace("X-Real-IP", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\nX-Real-IP"), "length as"),
            (CLEAN.replace("X-Real-IP", "Transfer-Encoding: identity\r\nX-Real-IP"), "length as"),
            (CLEAN.replace("X-Real-IP", "Upgrade: h2c\r\nX-Real-IP"), "upgrade: h2c"),
        ],
    )
    def test_what_reached_the_api(self, head: str, said: str) -> None:
        assert said in " ".join(judge(self.CASE, [echo(head)], ""))

    def test_a_smuggled_request(self) -> None:
        assert judge(self.CASE, [echo(CLEAN, extra=43)], "") == ["43 bytes reached the API behind the request"]

    def test_a_refusal(self) -> None:
        case = Case("x", b"", 400)
        page = Reply(status=400, headers={"server": "nginx"}, body=b"<html>")
        assert judge(case, [page], "") == ["400 without a JSON error"]
        assert judge(case, [], "") == ["answered [0], not 400"]

    def test_a_redirect_elsewhere(self) -> None:
        reply = Reply(status=301, headers={"location": "https://localhost:8443/v1/"}, body=b"")
        (wrong,) = judge(Case("x", b"", 301), [reply], "https://localhost")
        assert "8443" in wrong


def test_the_same_seed_makes_the_same_requests() -> None:
    assert list(malformed(1, 50)) == list(malformed(1, 50)) != list(malformed(2, 50))
    assert len(set(malformed(1, 500))) > 490


def test_an_excuse_is_for_one_finding() -> None:
    one = verdict("t", "b", "s", ["5.2 a", "5.22 a", "4.1 x-ollama it is root"], {"5.2": "no", "4.1 x-ollama": "image"})
    assert one.failures == ("5.22 a",)
    assert one.excused == {"5.2": "no", "4.1 x-ollama": "image"}
    assert not one.passed


def test_apparmor_is_excused_only_where_there_is_none() -> None:
    assert "5.2" in excuses(apparmor=False)
    assert "5.2" not in excuses(apparmor=True)
    assert {key.split()[0] for key in excuses(apparmor=False)} <= CHECKS.keys()


def test_the_results_replace_those_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "security.md"
    page.write_text(f"# before\n{report.BEGIN}\nresults of before\n{report.END}\nafter\n")
    report.write({"x": verdict("tool", "bar", "a | b", ["bad <thing>"])}, page)
    text = page.read_text()
    assert "results of before" not in text
    assert "| `x` | tool | bar | a \\| b | **failed**: bad &lt;thing> |" in text
    assert text.startswith("# before\n")
    assert text.endswith("after\n")
