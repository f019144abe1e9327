"""What belongs to a release travels with it: its port, its readiness path, its open paths, how it marks its streams."""

import ssl
import time
from typing import Any

import httpx
import pytest

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack, wait_for_words

CHANGES: dict[str, dict[str, Any]] = {
    "api.port": {"api": {"port": 8001}, "env": {"PORT": "8001"}},
    "api.readiness": {"api": {"readiness": "/ready"}, "env": {"READY_PATH": "/ready"}},
    "api.paths": {"api": {"paths": ["/v1/echo", "/v1/hello", "/v1/stream", "/readyz"]}},
    "api.marksStreams": {"api": {"marksStreams": True}},
}
# What a client can see of the change: how the old release answers, and how the new one does.
SEEN: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "api.paths": ({"/v1/seen": 200, "/readyz": 404}, {"/v1/seen": 404, "/readyz": 200}),
}


def answers(stack: SmallStack, paths: dict[str, int]) -> dict[str, int]:
    with httpx.Client(base_url=stack.url, verify=ssl.create_default_context(cafile=str(stack.ca))) as client:
        return {path: client.get(path).status_code for path in paths}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_a_release_and_is_rolled_back_at_once(stack: SmallStack, load: LoadClient, name: str) -> None:
    old = stack.release()  # what another test has left live may have other settings, or be rejected
    live = stack.container(f"api-{stack.live}").id
    before, after = SEEN.get(name, ({}, {}))
    new = stack.want(**{group: dict(values) for group, values in CHANGES[name].items()})
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.up()
        assert answers(stack, after) == after
        released = time.time()
        rolled_back = stack.rollout("rollback")
        assert rolled_back.returncode == 0, rolled_back.stderr
        assert answers(stack, before) == before
        done = time.time()
        time.sleep(1)
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}
    assert result.after(done).versions == {old}
    assert done - released < 10
    assert stack.container(f"api-{stack.live}").id == live
    stack.want_again(old)
    assert stack.planned() == {"api-rollout": "update"}


def test_the_live_release_keeps_its_port_while_a_new_one_fails_at_the_gate(stack: SmallStack, load: LoadClient) -> None:
    old = stack.version
    stack.want(api={"port": 8001}, rollout={"gateTimeout": "6s"})  # where it does not listen
    with load.run(stack.url, stack.ca, SOME) as running:
        failed = stack.up(check=False)
        time.sleep(1)
    result = running.end()
    assert failed.returncode != 0
    assert "It gets no traffic; the live colour is as it was" in failed.stdout
    assert "Does the API listen on 0.0.0.0 at 8001 (api.port)?" in failed.stdout
    assert not result.lost, result.summary()
    assert result.versions == {old}
    stack.version = stack.want(api={"port": 8001}, env={"PORT": "8001"})
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.up()
    result = running.end()
    assert not result.lost, result.summary()
    assert stack.planned() == {}


def test_the_standby_keeps_its_port_until_it_is_removed(pair: SmallStack, load: LoadClient) -> None:
    """While a release waits for streams on the standby, the standby can still go live."""
    standby = pair.versions()[pair.live]
    long = Mix(stream="2@0s", stream_path="/v1/stream?seconds=50")
    with load.run(pair.url, pair.ca, long) as streaming:
        time.sleep(1)
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        pair.want(api={"port": 8001}, env={"PORT": "8001"})
        with load.run(pair.url, pair.ca, SOME) as running:
            deployer = pair.up_in_background()
            wait_for_words(deployer, "drain")
            rolled_back = pair.rollout("rollback")
            assert rolled_back.returncode == 0, rolled_back.stderr
            assert deployer.wait(60) != 0
            time.sleep(1)
        result = running.end()
    streams = streaming.end()
    assert not result.lost, result.summary()
    assert not streams.lost, streams.summary()
    assert pair.versions()[pair.live] == standby
    assert f"{pair.name}-api-{pair.idle}" in pair.ids()


def test_each_colour_has_its_own_buffering(stack: SmallStack) -> None:
    """The backend does not mark its streams. So a release that says so gets its events late, and only that release."""

    def lead() -> float:
        """Seconds from the first event to the end."""
        with (
            httpx.Client(base_url=stack.url, verify=ssl.create_default_context(cafile=str(stack.ca))) as client,
            client.stream("GET", "/v1/stream?seconds=2") as answer,
        ):
            parts = answer.iter_bytes()
            next(parts)
            first = time.monotonic()
            for _ in parts:
                pass
            return time.monotonic() - first

    stack.release(api={"marksStreams": True})
    assert lead() < 0.5
    assert stack.rollout("flip", "--to", stack.idle).returncode == 0
    assert lead() > 1.5
    assert stack.rollout("flip", "--to", stack.idle).returncode == 0
    assert lead() < 0.5
