"""Places of throwaway stacks: no two share anything, in whatever test process they are."""

from ipaddress import IPv4Network
from itertools import pairwise

import pytest

from settings import load
from tools.lab.place import KINDS, SLOTS, Place, place, slot
from tools.lab.project import overlaid, whole


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The places of all kinds in all processes."""
    found = []
    for number in range(SLOTS):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        assert slot() == number
        found += [place(kind) for kind in KINDS]
    return found


def test_no_two_share_a_name_a_port_or_an_address(places: list[Place]) -> None:
    assert len({one.name for one in places}) == len(places) == len(KINDS) * SLOTS
    assert len({port for one in places for port in (one.http, one.https)}) == 2 * len(places)
    ranges = sorted(IPv4Network(one.cidr) for one in places)
    assert not [pair for pair in pairwise(ranges) if pair[0].overlaps(pair[1])]


def test_no_name_begins_another_s(places: list[Place]) -> None:
    """What is swept away by the prefix of one stack is never another's."""
    assert not [(a, b) for a in places for b in places if a != b and b.name.startswith(f"{a.name}-")]


def test_the_stacks_dev_and_prod_are_elsewhere(places: list[Place]) -> None:
    assert not [one for one in places if IPv4Network(one.cidr).overlaps(IPv4Network("10.77.0.0/16"))]


def test_the_whole_stack_s_configuration_is_a_good_one(places: list[Place]) -> None:
    for one in places:
        assert load(one.name, whole(one, ollama={"cpus": "2"})).edge.https_port == one.https


def test_groups_are_laid_over_each_other_key_by_key() -> None:
    assert overlaid({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "c": {}}) == {
        "a": {"x": 1, "y": 3},
        "b": 1,
        "c": {},
    }
