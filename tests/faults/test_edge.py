"""The edge's container as the rollout asks it, where asking itself fails."""

import os
import signal
import subprocess

import docker
import pytest

import images
from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout.claim import Claim
from rollout.flip import flip
from rollout.journal import now
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack
from workloads.colour import COLOURS


def test_an_edge_in_which_nothing_can_be_run_has_no_answers(engine: docker.DockerClient) -> None:
    container = engine.containers.run(
        images.reference("nginx"), ["300"], entrypoint="/bin/sleep", environment={"PATH": "/nowhere"}, detach=True
    )
    try:
        edge = Edge(engine, container.id or "")
        assert edge.codes(["blue-0/readyz", "blue-1/readyz"]) == [0, 0]
        assert edge.ask("/live") is None
    finally:
        container.remove(force=True)


def test_a_new_container_of_the_edge_and_a_release_in_one_update(stack: SmallStack) -> None:
    """What is live is read before Pulumi may take the edge away, each time and not by luck."""
    for memory in ("257M", "258M", "257M", "256M"):
        before, idle = stack.ids(), stack.idle
        stack.version = stack.want(edge=stack.common["edge"] | {"memory": memory})
        stack.up()
        after = stack.ids()
        replaced = {name for name in after if after[name] != before[name]}
        assert replaced == {f"{stack.name}-nginx", f"{stack.name}-api-{idle}"}
        assert stack.versions()[stack.live] == stack.version
        assert stack.planned() == {}


def test_an_update_that_lost_the_edge_is_gone_on_with(stack: SmallStack) -> None:
    """The new container of the edge could not start, the old one is gone: the same release, with what was wrong put
    right, is made in one update."""
    old = stack.version
    stack.want(images={"nginx": f"{stack.image}:no-start"})
    failed = stack.up(check=False)
    assert failed.returncode != 0
    assert old in stack.versions().values()
    new = stack.want()
    stack.up()
    assert stack.versions()[stack.live] == new
    assert stack.planned() == {}


def test_an_edge_that_a_stranger_has_removed(pair: SmallStack) -> None:
    """Pulumi does not know of it: the update says so, touches nothing, and goes through with a refresh."""
    old, new = pair.version, pair.want()
    pair.container("nginx").remove(force=True)
    refused = pair.up(check=False)
    assert refused.returncode != 0
    assert "The edge is absent" in refused.stdout
    assert "pulumi up --refresh" in refused.stdout
    assert old in pair.versions().values()
    pair.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert pair.versions()[pair.live] == new
    assert pair.planned() == {}


def test_nothing_is_flipped_where_nginx_does_not_answer(pair: SmallStack, engine: docker.DockerClient) -> None:
    live = pair.live
    to = next(colour for colour in COLOURS if colour != live)
    processes = [int(row[1]) for row in pair.container("nginx").top()["Processes"] if "nginx: " in row[-1]]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(NeedsPerson, match="nothing was flipped"):
            flip(
                Claim(Edge(engine, f"{pair.name}-nginx")),
                to,
                lambda journal: journal.flipped(to, "0" * 12, "for a test", now()),
            )
        assert pair.live == live
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
    assert pair.rollout("flip", "--to", to).returncode == 0


def test_the_standby_does_not_answer_when_every_port_towards_the_live_colour_has_been_used(
    pair: SmallStack, load: LoadClient
) -> None:
    pid = pair.container("nginx").attrs["State"]["Pid"]

    def in_edge(script: str) -> str:
        """Run a shell line on this machine, in the network of the edge."""
        inside = ["nsenter", f"--target={pid}", "--net", "sh", "-c", script]
        return subprocess.run(inside, capture_output=True, text=True, check=True).stdout.strip()

    ports = "/proc/sys/net/ipv4/ip_local_port_range"
    before = in_edge(f"cat {ports}; echo 40000 40099 > {ports}")
    try:
        with load.run(pair.url, pair.ca, Mix(keepalive="4@80ms")) as running:
            running.wait_answers(400)  # enough to use the hundred ports up, if each request took a new one
        result = running.end()
    finally:
        in_edge(f"echo {before} > {ports}")
    assert not result.lost, result.summary()
    assert result.versions == {pair.version}
