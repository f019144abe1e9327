"""Deployers that are killed, and deployers that meet: what is live stays whole, and the same command goes on."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient, Mix
from tools.lab.processes import kill_family
from tools.lab.stack import SmallStack, wait_for_phase, wait_for_words


@pytest.mark.parametrize("alone", [True, False], ids=["pulumi alone", "with its plugins and the step"])
@pytest.mark.parametrize("phase", ["starting", "gating", "watching"])
def test_kill_at_a_boundary(stack: SmallStack, load: LoadClient, phase: str, alone: bool) -> None:
    """`kill -9`, then the same `pulumi up` again."""
    old = stack.version
    new = stack.want(rollout={"watch": "4s"})
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_phase(stack, phase, deployer)
        if alone:
            stack.kill(deployer)
        else:
            kill_family(deployer)
            stack.pulumi("cancel", "--yes")
        stack.up()
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}
    assert stack.versions()[stack.live] == new
    assert stack.phase() == "done"
    assert len(stack.ids()) == 3, "no container is left over"
    assert stack.planned() == {}


def test_kill_while_it_waits_for_streams(pair: SmallStack, load: LoadClient) -> None:
    """Killed in the preflight: nothing has been changed by then, and the streams end whole."""
    old = pair.versions()[pair.live]
    with (
        load.run(pair.url, pair.ca, Mix(stream="3@0s", stream_path="/v1/stream?seconds=40")) as streaming,
        load.run(pair.url, pair.ca, SOME) as running,
    ):
        assert pair.rollout("flip", "--to", pair.idle).returncode == 0
        before, containers = pair.status()["generation"], pair.ids()
        new = pair.want()
        deployer = pair.up_in_background()
        wait_for_words(deployer, "3 in flight")
        pair.kill(deployer)
        assert (pair.status()["generation"], pair.ids()) == (before, containers)
        pair.up()
    streams, result = streaming.end(), running.end()
    assert not streams.lost, streams.summary()
    assert old in streams.versions
    assert not result.lost, result.summary()
    assert pair.versions()[pair.live] == new
    assert pair.planned() == {}


def test_kill_between_the_containers(stack: SmallStack, load: LoadClient) -> None:
    """The engine has made the container, but Pulumi was killed before it could take note of it."""
    old, new = stack.version, stack.want()
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_phase(stack, "starting", deployer)
        before = stack.ids()
        while stack.ids().keys() == before.keys() and deployer.poll() is None and stack.phase() == "starting":
            time.sleep(0.01)
        stack.kill(deployer)
        stack.up()
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}
    assert stack.versions()[stack.live] == new
    assert stack.planned() == {}


def test_a_killed_release_can_be_given_up(stack: SmallStack, load: LoadClient) -> None:
    """Killed while its containers were made, and then the configuration of the live release again."""
    old = stack.version
    stack.want()
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = stack.up_in_background()
        wait_for_phase(stack, "starting", deployer)
        stack.kill(deployer)
        stack.want_again(old)
        stack.up()
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old}
    assert stack.phase() == "done"
    assert stack.planned() == {}


def test_a_second_deployer_of_the_stack_is_turned_away(stack: SmallStack, load: LoadClient) -> None:
    old, new = stack.version, stack.want()
    with load.run(stack.url, stack.ca, SOME) as running:
        first = stack.up_in_background()
        wait_for_phase(stack, "gating", first)
        second = stack.up(check=False)
        first.communicate(timeout=120)
    result = running.end()
    assert first.returncode == 0
    assert second.returncode != 0
    assert "locked" in second.stderr + second.stdout
    assert not result.lost, result.summary()
    assert result.versions == {old, new}
    assert stack.versions()[stack.live] == new


def test_two_deployers_with_states_of_their_own(stack: SmallStack, load: LoadClient, tmp_path: Path) -> None:
    """No lock of Pulumi's is between them: one wins, the other refuses."""
    old = stack.version
    rival = SmallStack.__new__(SmallStack)
    rival.__dict__.update(stack.__dict__)
    rival.folder, rival.backend = tmp_path / "checkout", tmp_path / "state"
    shutil.copytree(stack.folder, rival.folder)
    shutil.copytree(stack.backend, rival.backend)
    rival.env = stack.env | {"PULUMI_BACKEND_URL": f"file://{rival.backend}?metadata=skip"}
    rival.number += 100
    theirs, ours = rival.want(), stack.want()
    with load.run(stack.url, stack.ca, SOME) as running, ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda one: one.up(check=False), (rival, stack)))
    result = running.end()
    assert sorted(done.returncode == 0 for done in both) == [False, True], [done.stdout for done in both]
    winner = theirs if both[0].returncode == 0 else ours
    assert stack.versions()[stack.live] == winner
    assert not result.lost, result.summary()
    assert result.versions == {old, winner}
    stack.version = stack.release()
    assert stack.versions()[stack.live] == stack.version, "the next update goes through, whoever has won"


def test_an_operator_flips_while_a_release_is_at_the_gate(pair: SmallStack, load: LoadClient) -> None:
    old = pair.version
    pair.want(rollout={"gatePasses": 20, "gateTimeout": "60s"})
    with load.run(pair.url, pair.ca, SOME) as running:
        deployer = pair.up_in_background()
        wait_for_phase(pair, "gating", deployer)
        time.sleep(1)
        flipped = pair.rollout("flip", "--to", pair.idle)
        words = deployer.communicate(timeout=120)[0]
    result = running.end()
    assert flipped.returncode == 0, flipped.stderr
    assert deployer.returncode != 0
    assert "Another deployment has been at work" in words
    assert not result.lost, result.summary()
    assert result.versions == {old, str(pair.number)}


def test_two_operators_flip_at_once(pair: SmallStack) -> None:
    to, before = pair.idle, pair.status()["generation"]
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: pair.rollout("flip", "--to", to), range(2)))
    assert {done.returncode for done in both} <= {0, 3}
    assert 0 in {done.returncode for done in both}
    assert (pair.live, pair.status()["generation"]) == (to, before + 1)
