"""What somebody has stopped by hand: a preview names it, an update starts it, and nothing that serves is recreated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
import pytest
from docker.models.containers import Container

import images
from ops.drift import FOUND
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack


def states(stack: SmallStack) -> dict[str, str]:
    return {name: stack.engine.containers.get(id).status for name, id in stack.ids().items()}


def is_named(said: str, names: Sequence[str], words: str) -> bool:
    return all(f"{name} {words}" in said for name in names)


def address_of(container: Container, stack: SmallStack) -> str:
    found: str = container.attrs["NetworkSettings"]["Networks"][f"{stack.name}-app-network"]["IPAddress"]
    return found


@contextmanager
def stranger_at(stack: SmallStack, address: str) -> Iterator[None]:
    """A container of somebody else's, which runs, has this address on the network of the API, and answers nothing."""
    engine, name = stack.engine, f"{stack.name}-stranger"
    stranger = engine.containers.create(
        images.reference("nginx"), ["600"], entrypoint="/bin/sleep", network_mode="none", name=name
    )
    try:
        engine.networks.get("none").disconnect(stranger)
        engine.networks.get(f"{stack.name}-app-network").connect(stranger, ipv4_address=address)
        stranger.start()
        yield
    finally:
        stranger.remove(force=True)


@pytest.mark.parametrize(
    ("stopped", "refreshed"),
    [("live", False), ("edge", True), ("all", True)],
    ids=["live", "edge, after a refresh", "all, after a refresh"],
)
def test_an_update_starts_it(pair: SmallStack, load: LoadClient, stopped: str, refreshed: bool) -> None:
    live, standby, ids = pair.live, pair.idle, pair.ids()
    of = {"live": [f"api-{live}"], "edge": ["nginx"], "all": ["nginx", f"api-{live}", f"api-{standby}"]}
    names = [f"{pair.name}-{service}" for service in of[stopped]]
    for service in of[stopped]:
        pair.container(service).stop(timeout=5)
    if refreshed:
        pair.pulumi("refresh", "--yes", "--skip-preview")
    found = pair.deploy("drift", check=False)
    assert found.returncode == FOUND
    assert is_named(found.stdout, [f"stopped: {name}" for name in names], "is exited")
    before = states(pair)
    assert is_named(pair.pulumi("preview").stdout, names, "is exited. The update starts it.")
    assert states(pair) == before

    done = pair.up()
    assert is_named(done.stdout, names, "was exited. This update has started it.")
    assert (pair.live, pair.ids()) == (live, ids)
    assert set(states(pair).values()) == {"running"}
    with load.run(pair.url, pair.ca, Mix(get="4@20ms")) as running:
        running.wait_answers(20)
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {pair.version}, "the live colour answers, and not its standby"
    assert pair.planned() == {}
    assert pair.deploy("drift").returncode == 0


def test_one_whose_network_is_gone_is_recreated_by_a_refresh(pair: SmallStack, engine: docker.DockerClient) -> None:
    """As by `docker network prune`. The engine never starts such a container again, whatever has its network's name."""
    ids, edge = pair.ids(), pair.container("nginx")
    edge.stop()
    engine.networks.get(f"{pair.name}-edge").remove()
    done = pair.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert f"{edge.name} is exited, and the engine could not start it: " in done.stdout
    after = pair.ids()
    assert {name for name in after if after[name] != ids[name]} == {edge.name}
    assert set(states(pair).values()) == {"running"}
    assert pair.planned() == {}
    assert pair.deploy("drift").returncode == 0


def test_one_that_an_update_could_not_start_is_recreated_after_a_refresh(pair: SmallStack) -> None:
    """A refresh takes away what the state knows of the failure; the container is `created` on the host."""
    ids, edge = pair.ids(), pair.container("nginx")
    address = address_of(edge, pair)
    edge.stop()
    with stranger_at(pair, address):
        pair.want_again(pair.version, edge=pair.common["edge"] | {"memory": "257M"})
        assert pair.up(check=False).returncode != 0
        assert states(pair)[edge.name or ""] == "created"
    pair.pulumi("refresh", "--yes", "--skip-preview")
    pair.up()
    assert set(states(pair).values()) == {"running"}
    pair.want_again(pair.version)
    pair.up()
    after = pair.ids()
    assert {name for name in after if after[name] != ids[name]} == {edge.name}


def test_one_that_is_paused_goes_on(pair: SmallStack) -> None:
    ids, edge = pair.ids(), pair.container("nginx")
    edge.pause()
    refused = pair.rollout("status")
    assert refused.returncode == 5
    assert f"`docker unpause {edge.name}`" in refused.stderr
    assert f"{edge.name} was paused. This update has started it." in pair.up().stdout
    assert pair.ids() == ids
    assert set(states(pair).values()) == {"running"}


def test_a_release_finds_its_standby_where_it_was(pair: SmallStack, load: LoadClient) -> None:
    """The live colour is stopped: it is started first, so no request meets the colour that is made anew."""
    old = pair.version
    pair.container(f"api-{pair.live}").stop()
    with load.run(pair.url, pair.ca, Mix(get="4@20ms")) as running:
        new = pair.release()
    result = running.end()
    assert not result.lost, result.summary()
    assert {old, new} <= result.versions
    assert pair.versions()[pair.live] == new


def test_one_that_cannot_be_started_is_named_with_the_engine_s_reason(pair: SmallStack) -> None:
    """A stranger has the address of the live colour and does not answer: the standby, which does, is not removed."""
    standby, new = pair.idle, pair.want()
    ids, live = pair.ids(), pair.container(f"api-{pair.live}")
    address = address_of(live, pair)
    live.stop()
    with stranger_at(pair, address):
        refused = pair.up(check=False)
        assert pair.ids() == ids
    pair.up()
    assert pair.versions()[pair.live] == new
    assert refused.returncode != 0
    said = refused.stdout + refused.stderr
    assert f"{live.name} is exited, and the engine could not start it: " in said
    assert f"python -m rollout flip --to {standby}" in said
