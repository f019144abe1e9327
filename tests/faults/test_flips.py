"""The flip itself, under load: nothing lost, nothing truncated, nothing answered by the wrong colour."""

import re
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest

from engine import quick
from rollout.__main__ import main
from tests.faults.conftest import EVERYTHING
from tools.lab.load.client import LoadClient, Mix, Result
from tools.lab.stack import SmallStack
from tools.lab.wait import eventually


class Flips:
    """Flips a stack to and fro and remembers when; `wrong` finds answers of a colour that was not live."""

    def __init__(self, stack: SmallStack) -> None:
        self._stack = stack
        status = stack.status()
        self._live = status["live"]
        self._versions = stack.versions()
        # (from, to, version): which version was live from the end of one flip to the beginning of the next.
        self._spans: list[tuple[float, float, str]] = []
        self._since = 0.0

    def flip(self) -> None:
        to = "blue" if self._live == "green" else "green"
        begin = time.time()
        done = self._stack.rollout("flip", "--to", to)
        assert done.returncode == 0, done.stderr
        self._spans.append((self._since, begin, self._versions[self._live]))
        self._live, self._since = to, time.time()

    def met(self, kind: str, result: Result) -> list[int]:
        """For each flip: how many requests of a kind were in flight at some moment of it."""
        spans = [*self._spans, (self._since, float("inf"), "")]
        moments = [(before[1], after[0]) for before, after in pairwise(spans)]
        requests = result.of(kind).requests
        return [sum(one.start < end and one.end > begin for one in requests) for begin, end in moments]

    def wrong(self, result: Result) -> Result:
        """The requests that were begun and answered between two flips by the colour that was not live."""
        spans = [*self._spans, (self._since, float("inf"), self._versions[self._live])]
        return Result(
            [
                request
                for begin, end, version in spans
                for request in result.requests
                if begin < request.start < end and request.end < end and request.version not in (version, "")
            ]
        )


def test_forty_flips_in_a_row_lose_nothing(pair: SmallStack, load: LoadClient) -> None:
    flips = Flips(pair)
    with load.run(pair.url, pair.ca, EVERYTHING) as running:
        for _ in range(40):
            flips.flip()
    result = running.end()
    assert min(flips.met("keepalive", result)) >= 10
    assert min(flips.met("stream", result)) >= 6
    assert not result.lost, result.summary()
    assert not flips.wrong(result).requests, flips.wrong(result).summary()
    assert len(result.versions) == 2


def test_a_rollback_asks_the_engine_as_little_as_it_can(pair: SmallStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command in a container costs 30 to 60 ms of an idle machine, and more of a busy one."""
    asked: list[str] = []
    answer = quick.Engine._answer

    def recorded(engine: quick.Engine, method: str, path: str, *rest: Any, **more: Any) -> Any:
        asked.append(re.sub("[0-9a-f]{64}", "id", f"{method} {path}").partition("?")[0])
        return answer(engine, method, path, *rest, **more)

    monkeypatch.setattr(quick.Engine, "_answer", recorded)
    monkeypatch.setenv("DOCKER_HOST", pair.operator["DOCKER_HOST"])
    bad = pair.status()["colours"][pair.live]["release"]
    to = pair.idle
    asked.clear()
    assert main(["rollback", "--stack", pair.name]) == 0
    assert pair.live == to
    assert pair.rollout("allow", bad).returncode == 0
    ends = "GET /exec/id/json"  # asked for again while the engine does not know of the end yet
    execs = [call for call in asked if call.startswith("POST") and call.endswith("/exec")]
    assert len(execs) == 3, "one looks and asks, one flips and proves, one writes down what that took"
    colours = ["GET /containers/json", "GET /containers/id/json", "GET /containers/id/json"]
    assert [call for call in asked if call != ends] == [
        "GET /_ping",
        f"GET /containers/{pair.name}-nginx/json",
        *colours,
        *["POST /containers/id/exec", "POST /exec/id/start"] * 3,
    ]


def test_flips_with_a_reload_between_them_lose_nothing(pair: SmallStack, load: LoadClient) -> None:
    flips = Flips(pair)
    with load.run(pair.url, pair.ca, EVERYTHING) as running:
        for _ in range(4):
            flips.flip()
            pair.exec_in_edge("nginx", "-c", "/var/lib/edge/config/nginx.conf", "-s", "reload")
    result = running.end()
    assert not result.lost, result.summary()
    assert not flips.wrong(result).requests, flips.wrong(result).summary()


def test_streams_end_whole_on_the_colour_where_they_began(pair: SmallStack, load: LoadClient) -> None:
    old, new = pair.versions()[pair.live], pair.versions()[pair.idle]
    with load.run(pair.url, pair.ca, Mix(stream="4@0s", stream_path="/v1/stream?seconds=15")) as before:
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        with load.run(pair.url, pair.ca, Mix(stream="4@0s", stream_path="/v1/stream?seconds=3")) as after:
            pass
    begun, later = before.end(), after.end()
    assert not begun.lost, begun.summary()
    assert not later.lost, later.summary()
    assert (begun.versions, later.versions) == ({old}, {new})


def test_a_slow_first_word_is_waited_for(pair: SmallStack, load: LoadClient) -> None:
    """20 s of silence, over a flip, as a model has that is being loaded."""
    old = pair.versions()[pair.live]
    mix = Mix(stream="2@0s", stream_path="/v1/stream?seconds=1&first=20s")
    with load.run(pair.url, pair.ca, mix, wait=False) as running:
        eventually(lambda: pair.status()["colours"][pair.live]["inFlight"] == 2, 10, "both requests have arrived")
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
    result = running.end()
    assert len(result) == 2
    assert not result.lost, result.summary()
    assert result.versions == {old}


def test_an_upload_that_is_under_way_arrives_whole(pair: SmallStack) -> None:
    old = pair.versions()[pair.live]
    size = 6 * 2**20

    def slowly() -> Iterator[bytes]:
        for _ in range(32):
            yield b"x" * (size // 32)
            time.sleep(0.1)

    with ThreadPoolExecutor() as pool:
        context = ssl.create_default_context(cafile=str(pair.ca))
        upload = pool.submit(httpx.post, f"{pair.url}/v1/echo", content=slowly(), verify=context, timeout=60)
        time.sleep(1)
        assert not upload.done()
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        answer = upload.result()
    assert (answer.status_code, answer.text) == (200, f"{old} {size}\n")
