"""A change of `network.cidr`: the stack moves to other networks as it is."""

from ipaddress import IPv4Address, IPv4Network

from tests.faults.test_ways import answers
from tools.lab.stack import SmallStack


def addresses(stack: SmallStack) -> dict[str, str]:
    """The address of each replica on the network of the edge and the API."""
    found = {}
    for name in stack.ids():
        if "-api-" in name:
            networks = stack.engine.containers.get(name).attrs["NetworkSettings"]["Networks"]
            found[name] = networks[f"{stack.name}-app-network"]["IPAddress"]
    return found


def test_all_replicas_move_and_no_release_comes_with_them(pair: SmallStack) -> None:
    here = IPv4Network(pair.common["network"]["cidr"])
    _, there = here.subnets(new_prefix=21)
    two = {"api": {"replicas": 2}}
    pair.release(**two)
    old, before = pair.version, addresses(pair)
    assert len(before) == 3, "the standby has one"

    pair.want(**two, network={"cidr": str(there)})
    refused = pair.up(check=False)
    assert refused.returncode != 0
    assert "network.cidr moves the networks of the stack" in refused.stdout
    assert addresses(pair) == before

    pair.want_again(old, **two, network={"cidr": str(there)})
    assert "the update stops and recreates every container" in pair.up().stdout
    after = addresses(pair)
    assert len(set(after.values())) == len(after) == 4
    assert all(IPv4Address(address) in there for address in after.values())
    assert set(pair.versions().values()) == {old}
    assert answers(pair, {"/v1/seen": 200}) == {"/v1/seen": 200}
    assert pair.planned() == {}

    pair.want_again(old, **two)
    pair.up()
    assert all(IPv4Address(address) not in there for address in addresses(pair).values())
    pair.release()
