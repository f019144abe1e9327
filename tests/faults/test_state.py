"""The state on the host damaged or not writable: requests are served as before, and the tool says what is wrong."""

import json
from collections.abc import Iterator
from typing import Any

import docker
import pytest

import images
from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout import state
from rollout.journal import Journal
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack
from tools.lab.sweep import sweep
from tools.lab.wait import eventually
from workloads import places

REQUESTS = Mix(keepalive="4@10ms", get="1@20ms")


@pytest.mark.parametrize(
    "damage",
    [
        "head -c 40 journal.json >cut; mv cut journal.json",
        ": >journal.json",
        "echo garbage >journal.json",
        "rm journal.json",
    ],
    ids=["truncated", "empty", "garbage", "missing"],
)
def test_a_damaged_journal(pair: SmallStack, load: LoadClient, damage: str) -> None:
    live, version, before = pair.live, pair.version, pair.ids()
    pair.want()
    with load.run(pair.url, pair.ca, REQUESTS) as running:
        assert pair.in_state(damage).returncode == 0
        refused = pair.plan()
        assert "python -m rollout repair" in refused.refusal
        assert f"nginx asks {live} first" in refused.refusal
        assert "python -m rollout repair" in pair.rollout("status").stdout
        repaired = pair.rollout("repair")
        assert repaired.returncode == 0, repaired.stderr
        assert f"{live} is live" in repaired.stderr
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {version}
    assert (pair.live, pair.ids()) == (live, before)
    assert pair.status()["colours"][live]["release"] == pair.container(f"api-{live}").labels["orca.release"]


def test_an_update_refuses_where_the_state_is_lost(pair: SmallStack) -> None:
    live, version = pair.live, pair.version
    pair.in_state("rm journal.json")
    new = pair.want()
    refused = pair.up(check=False)
    assert refused.returncode != 0
    assert "The state of releases is lost" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert (pair.live, pair.versions()[live]) == (live, version)
    assert pair.rollout("repair").returncode == 0
    pair.up()
    assert pair.versions()[pair.live] == new


def test_a_rollback_works_without_a_journal(pair: SmallStack) -> None:
    """What decides is the marker; nobody has time for repairs at three in the morning."""
    live, idle = pair.live, pair.idle
    pair.in_state("echo garbage >journal.json")
    done = pair.rollout("rollback")
    assert done.returncode == 0, done.stderr
    assert pair.live == idle != live
    assert pair.status()["live"] == idle


def test_a_marker_that_was_moved_by_hand(pair: SmallStack) -> None:
    """The marker decides; the journal follows it."""
    if pair.live == "blue":
        assert pair.rollout("flip", "--to", "green").returncode == 0
    pair.in_state("rm green")
    status = pair.status()
    assert (status["live"], status["flips"][-1]["reason"]) == ("blue", "found by the marker")
    assert pair.rollout("repair").returncode == 0
    assert json.loads(pair.in_state("cat journal.json").stdout)["live"] == "blue"


def test_a_host_that_was_set_up_anew(pair: SmallStack) -> None:
    """Nothing of the stack is on its engine any more, and Pulumi does not know."""
    live = pair.outputs()["live"]
    sweep(pair.engine, f"{pair.name}-")
    unaware = pair.up(check=False)
    assert unaware.returncode != 0
    assert f"{live} was live, but the engine has neither the API nor a journal of releases" in unaware.stdout
    assert not pair.ids()
    pair.pulumi("up", "--yes", "--skip-preview", "--refresh", "--replace", "**::images")
    assert pair.live != live
    assert pair.versions() == {pair.live: pair.version}
    assert pair.status()["generation"] == 1
    assert pair.planned() == {}


class Shelf:
    """A container with a state volume of its own, to fill up or to make read-only."""

    def __init__(self, engine: docker.DockerClient, options: str) -> None:
        self.container = engine.containers.run(
            images.reference("nginx"),
            ["sleep", "600"],
            entrypoint=[],
            user="101:101",
            tmpfs={places.STATE: options},
            cap_drop=["ALL"],
            network_mode="none",
            detach=True,
            init=True,
        )
        self.edge = Edge(engine, self.container.id or "")

    def run(self, script: str) -> str:
        return self.edge.must(["sh", "-c", f"cd {places.STATE}; {script}"], user="0")


@pytest.fixture
def shelf(engine: docker.DockerClient) -> Iterator[Any]:
    made: list[Shelf] = []

    def make(options: str) -> Shelf:
        made.append(Shelf(engine, options))
        return made[-1]

    yield make
    for one in made:
        one.container.remove(force=True)


def live_green(journal: Journal) -> Journal:
    return journal.flipped("green", "b" * 12, "test", "2026-01-01T00:00:00Z")


def live_blue(journal: Journal) -> Journal:
    return journal.flipped("blue", "a" * 12, "test", "2026-01-01T00:00:00Z")


def test_a_full_disk(shelf: Any) -> None:
    full = shelf("size=64k,mode=0755")
    state.change(full.edge, live_green, instead=Journal())
    full.run("dd if=/dev/zero of=filler bs=1k 2>/dev/null || :")
    with pytest.raises(NeedsPerson, match=r"(No space left|I/O error)(.|\n)*green is live, as before"):
        state.change(full.edge, live_blue)
    after = state.read(full.edge)
    assert (after.marker, after.known.generation) == ("green", 1)
    full.run("rm filler")
    assert state.change(full.edge, live_blue).marker == "blue"


def test_a_read_only_state(shelf: Any) -> None:
    fixed = shelf("ro,size=64k,mode=0755")
    with pytest.raises(NeedsPerson, match=r"Read-only file system(.|\n)*blue is live, as before"):
        state.change(fixed.edge, live_green, instead=Journal())
    assert state.read(fixed.edge).marker == "blue"


def test_a_held_lock_is_waited_for(shelf: Any) -> None:
    held = shelf("size=64k,mode=0755")
    held.container.exec_run(["sh", "-c", f"cd {places.STATE}; exec 9>lock; flock 9; sleep 2"], user="0", detach=True)
    eventually(lambda: held.run("ls") != "", 5, "the lock is held")
    assert state.change(held.edge, live_green, instead=Journal()).marker == "green"


def test_of_two_writers_with_the_same_view_the_second_is_asked_again(shelf: Any) -> None:
    edge = shelf("size=64k,mode=0755").edge
    view = state.change(edge, live_green, instead=Journal())
    state.change(edge, live_blue, seen=view)
    seen = []

    def transition(journal: Journal) -> Journal:
        seen.append(journal.generation)
        return live_green(journal)

    assert state.change(edge, transition, seen=view).known.generation == 3
    assert seen == [1, 2]


def test_a_stack_that_was_renamed_is_not_replaced(stack: SmallStack) -> None:
    """Under another name nothing on the host would be the stack's own, so an update would remove what serves."""
    name, other, before = stack.name, f"{stack.name}-new", stack.ids()
    stack.pulumi("stack", "rename", other)
    try:
        for verb in ("preview", "up"):
            options = ["--yes", "--skip-preview"] if verb == "up" else []
            refused = stack.run("pulumi", verb, "--stack", other, "--non-interactive", *options, check=False)
            assert refused.returncode != 0
            assert f"pulumi stack rename {name} --stack {other}" in refused.stdout + refused.stderr
    finally:
        stack.run("pulumi", "stack", "rename", name, "--stack", other)
    assert stack.ids() == before
    assert stack.planned() == {}
