"""What the gate says of a release that does not pass it."""

import pytest

from engine.errors import Undone
from rollout import gate
from rollout.colours import Replica
from workloads.way import Way

WAY = Way(port=8123, readiness="/up", paths=("/v1/",), marks_streams=False, replicas=1)
REPLICA = Replica(name="x-api-blue", colour="blue", index=0, readiness="/up", way=WAY)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (502, "Does the API listen on 0.0.0.0 at 8123 (api.port)?"),
        (504, "Does the API listen on 0.0.0.0 at 8123 (api.port)?"),
        (404, "The API must answer /up (api.readiness) with 2xx"),
        (401, "without a key"),
    ],
)
def test_an_answer_that_has_a_likely_cause_names_it(code: int, words: str) -> None:
    assert words in gate.likely(REPLICA, code)


@pytest.mark.parametrize("code", [0, 200, 500, 503])
def test_an_answer_that_may_mean_anything_is_left_as_it_is(code: int) -> None:
    assert gate.likely(REPLICA, code) == ""


class Logs:
    """A container that has said something."""

    def __init__(self, text: str) -> None:
        self.text = text

    def logs(self, *, tail: int) -> bytes:
        assert tail > 0
        return self.text.encode()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("OSError: [Errno 30] Read-only file system: '/app/cache'", "the API may write below /tmp"),
        ("exec /usr/bin/tini: exec format error", "another kind of processor"),
    ],
)
def test_words_in_the_log_that_have_a_known_cause(monkeypatch: pytest.MonkeyPatch, said: str, meant: str) -> None:
    monkeypatch.setattr(gate, "find", lambda *_: Logs(said))
    with pytest.raises(Undone) as raised:
        # No engine is asked: `find` is replaced.
        gate._fail(None, REPLICA, "does not stay up")  # type: ignore[arg-type]
    assert meant in str(raised.value)
    assert said in str(raised.value)
