"""The idle colour is made anew only when its last request has ended: streams are waited for, and never cut."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack
from tools.lab.wait import eventually


@contextmanager
def stuck_reader(stack: SmallStack) -> Iterator[None]:
    """A client that asks for a long stream and then does not read."""
    host, port = "localhost", int(stack.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=str(stack.ca))
    with (
        socket.create_connection((host, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        secured.sendall(b"GET /v1/stream?seconds=600 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield


def in_flight(stack: SmallStack, colour: str) -> int:
    found: int = stack.status()["colours"][colour]["inFlight"]
    return found


def test_a_third_release_waits_for_the_streams_of_the_first(stack: SmallStack, load: LoadClient) -> None:
    first = stack.version
    with load.run(stack.url, stack.ca, Mix(stream="3@0s", stream_path="/v1/stream?seconds=90")) as running:
        second = stack.release()
        colour = stack.idle
        before = stack.ids()
        third = stack.want(rollout={"drainTimeout": "1s"})
        refused = stack.up(check=False)
        assert refused.returncode != 0
        assert f"{colour} still has 3 requests in flight after 1 s" in " ".join(refused.stdout.split())
        assert stack.ids() == before
        assert stack.versions()[stack.live] == second
    streams = running.end()
    assert not streams.lost, streams.summary()
    assert first in streams.versions
    eventually(lambda: in_flight(stack, colour) == 0, 10, "nothing is in flight any more")
    stack.up()
    assert stack.versions()[stack.live] == third
    assert len(stack.ids()) == 3, "two colours and the edge"


def test_ten_releases_back_to_back_do_not_pile_up(pair: SmallStack, load: LoadClient) -> None:
    """Ten releases as the host sees them: containers come and go, the edge's workers do not multiply."""
    with load.run(
        pair.url, pair.ca, Mix(keepalive="2@20ms", stream="2@0s", stream_path="/v1/stream?seconds=4")
    ) as running:
        for _ in range(3):
            pair.release(rollout={"watch": "1s"})
    result = running.end()
    assert not result.lost, result.summary()
    assert len(pair.ids()) == 3
    top = pair.container("nginx").top()
    assert top is not None
    workers = [process for process in top["Processes"] if "worker process" in " ".join(process)]
    masters = [process for process in top["Processes"] if "master process" in " ".join(process)]
    assert len(masters) == 1
    assert not [process for process in workers if "shutting down" in " ".join(process)]


def test_a_client_that_leaves_is_counted_no_more(pair: SmallStack) -> None:
    live = pair.live
    with stuck_reader(pair):
        eventually(lambda: in_flight(pair, live) == 1, 10, "the stream is in flight")
        time.sleep(1)
        assert in_flight(pair, live) == 1
    eventually(lambda: in_flight(pair, live) == 0, 10, "the stream has ended with its client")


def test_a_client_that_never_reads_cannot_hold_up_a_release_for_ever(pair: SmallStack) -> None:
    assert pair.rollout("flip", "--to", pair.idle).returncode == 0
    with stuck_reader(pair):
        eventually(lambda: in_flight(pair, pair.live) == 1, 10, "the stream is in flight")
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        pair.want(rollout={"drainTimeout": "3s"})
        begin = time.monotonic()
        refused = pair.up(check=False)
        assert refused.returncode != 0
        assert "still has 1 requests in flight after 3 s" in " ".join(refused.stdout.split())
        assert time.monotonic() - begin < 60
    pair.up()
    assert pair.versions()[pair.live] == str(pair.number)


# What Python runs before a program: from then on the wall clock jumps, an hour ahead and an hour back, every second.
JUMPING_CLOCK = """
import datetime, time

wall = time.time
time.time = lambda: wall() + (3600 if int(wall()) % 2 else -3600)

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

datetime.datetime = Jumping
"""


def test_a_clock_that_jumps_cuts_nothing(pair: SmallStack, load: LoadClient, tmp_path: Path) -> None:
    """The drain, the gate and the watch take as long as they should, whatever the deployer's clock says."""
    (tmp_path / "sitecustomize.py").write_text(JUMPING_CLOCK)
    old = pair.versions()[pair.live]
    with load.run(pair.url, pair.ca, Mix(stream="3@0s", stream_path="/v1/stream?seconds=30")) as running:
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        time.sleep(1)
        eventually(lambda: in_flight(pair, pair.idle) == 3, 5, "three streams are left on the colour to be made anew")
        new, begin = pair.want(), time.monotonic()
        env = pair.env
        pair.env = {**env, "PYTHONPATH": str(tmp_path)}
        try:
            pair.up()
        finally:
            pair.env = env
        took = time.monotonic() - begin
    streams = running.end()
    assert not streams.lost, streams.summary()
    assert old in streams.versions
    assert 10 < took < 120
    assert pair.versions()[pair.live] == new
