"""A `pulumi up` is killed and its step goes on alone: the next one wins at once, the orphan changes nothing more."""

import time

import pytest

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient, Mix
from tools.lab.processes import Process
from tools.lab.stack import SmallStack, wait_for_phase, wait_for_words
from tools.lab.wait import eventually

SAME_OR_ANOTHER = pytest.mark.parametrize("same", [True, False], ids=["the same release", "another release"])


def take_over(stack: SmallStack, orphans: set[Process], *, same: bool, flips: int = 1) -> str:
    """The next `up`, of the release that the orphans are at or of another one, goes through. Gives its version.

    The orphans stop at their next look at the state. The journal is that of the new update, with so many `flips`.
    """
    assert any(orphan.is_step for orphan in orphans), "the step goes on without pulumi"
    before, claim = stack.status(), stack.claim()
    version = str(stack.number) if same else stack.want()
    deployer = stack.up_in_background()
    eventually(lambda: stack.claim() != claim, 60, "the update claims the state")
    eventually(lambda: not any(orphan.lives for orphan in orphans), 15, "the orphans stop")
    assert deployer.poll() is None, "they stop for the claim, before the new update is done"
    said = deployer.communicate(timeout=120)[0]
    assert deployer.returncode == 0, said
    after = stack.status()
    assert stack.versions()[stack.live] == version
    assert (after["live"], after["phase"], after["rejected"]) == (stack.live, "done", before["rejected"])
    assert after["generation"] == before["generation"] + flips
    assert after["flips"][-1]["release"] == stack.container(f"api-{stack.live}").labels["orca.release"]
    assert len(stack.ids()) == 3, "no container is left over"
    assert stack.planned() == {}
    return version


@pytest.mark.alone
@SAME_OR_ANOTHER
def test_an_orphan_at_the_gate(stack: SmallStack, load: LoadClient, same: bool) -> None:
    old = stack.version
    stack.want(rollout={"gatePasses": 20, "gateTimeout": "60s"})
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_phase(stack, "gating", deployer)
        new = take_over(stack, stack.kill(deployer), same=same)
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}


@pytest.mark.alone
def test_an_orphan_at_the_smoke_request(stack: SmallStack, load: LoadClient) -> None:
    """The request is in flight on the colour that the next update makes anew: it is ended, not waited for."""
    old = stack.version
    stack.want(env={"CHAT": "60s"})
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_words(deployer, "gate 2/2")
        eventually(lambda: stack.status()["colours"][stack.idle]["inFlight"] == 1, 10, "the request is in flight")
        orphans, begin = stack.kill(deployer), time.monotonic()
        new = take_over(stack, orphans, same=False)
        assert time.monotonic() - begin < 40
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}


@SAME_OR_ANOTHER
def test_an_orphan_at_the_watch(stack: SmallStack, load: LoadClient, same: bool) -> None:
    old = stack.version
    watched = stack.want(rollout={"watch": "15s"})
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_phase(stack, "watching", deployer)
        new = take_over(stack, stack.kill(deployer), same=same, flips=0 if same else 1)
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, watched, new}


@SAME_OR_ANOTHER
def test_an_orphan_that_waits_for_streams(pair: SmallStack, load: LoadClient, same: bool) -> None:
    with (
        load.run(pair.url, pair.ca, Mix(stream="3@0s", stream_path="/v1/stream?seconds=50")) as streaming,
        load.run(pair.url, pair.ca, SOME) as running,
    ):
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        pair.want()
        deployer = pair.up_in_background()
        wait_for_words(deployer, "3 in flight")
        new = take_over(pair, pair.kill(deployer), same=same)
    streams, result = streaming.end(), running.end()
    assert not streams.lost, streams.summary()
    assert not result.lost, result.summary()
    assert new in result.versions
