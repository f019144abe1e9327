"""A change of `network.cidr`: what the plan makes of containers that must move to other networks."""

from dataclasses import replace

import pytest

from rollout.arguments import Look, Place, Wanted
from rollout.colours import Colours
from rollout.journal import Journal
from rollout.plan import Observed, Plan, plan
from rollout.rebuild import rebuild
from tests.unit.test_rollout_plan import LAST, Q, R, S, replicas, seen
from tests.unit.test_way import WAY
from workloads.colour import COLOURS

LOOK = Look(
    place=Place(edge="x-nginx", service="x-api"),
    wanted=Wanted(release=Q, former="former", way=WAY),
    network="10.2.1.0/24",
    narrowed={},
    last_live="blue",
    last_release=Q,
    volume="",
    image="",
    manual=False,
    preview=False,
)
HERE = frozenset({"10.2.1.32", "10.2.2.32", "172.17.0.5"})
# On the way from 10.2.16.0/20 to 10.2.0.0/20, with a network of a stranger on top.
ELSEWHERE = frozenset({"10.2.17.32", "10.2.18.32", "fd00::5"})


def at(colours: Colours, addresses: frozenset[str]) -> Colours:
    return {
        colour: tuple(replace(replica, addresses=addresses, way=WAY) for replica in found)
        for colour, found in colours.items()
    }


def moving(there: Observed, wanted: str = Q, addresses: frozenset[str] = ELSEWHERE) -> tuple[Plan, Plan]:
    """The plan without a look at addresses, and what becomes of it."""
    there = replace(there, colours=at(there.colours, addresses))
    made = replace(plan(there, LAST, wanted), release=wanted, ways={"blue": WAY}, volumes={"blue": ("v",)})
    return made, rebuild(made, there, replace(LOOK, wanted=replace(LOOK.wanted, release=wanted)))


@pytest.mark.parametrize("addresses", [HERE, frozenset[str]()])
@pytest.mark.parametrize("wanted", [Q, R])
def test_where_nothing_moves_the_plan_stays(addresses: frozenset[str], wanted: str) -> None:
    made, after = moving(seen(blue=Q, green=S), wanted, addresses)
    assert after == made
    made, after = moving(seen(), wanted, addresses)
    assert after == made


def test_all_colours_become_what_is_wanted() -> None:
    made, after = moving(seen(blue=Q, green=S))
    expected = replace(made, rebuilds=True, declared={"blue": (), "green": ()}, ways={}, volumes={})
    assert after == expected
    assert (after.target, after.create, after.flips) == ("blue", None, False)


def test_one_replica_that_is_left_behind_is_enough() -> None:
    """As an update leaves them that was cut off."""
    there = seen(blue=Q, green=Q)
    mixed: Colours = {"blue": at(there.colours, HERE)["blue"], "green": at(there.colours, ELSEWHERE)["green"]}
    there = replace(there, colours=mixed)
    assert rebuild(replace(plan(there, LAST, Q), release=Q), there, LOOK).rebuilds


@pytest.mark.parametrize("green", [S, R])
def test_no_release_goes_live_by_it(green: str) -> None:
    """Neither one that is made, nor the one that the idle colour runs."""
    _, after = moving(seen(blue=Q, green=green), R)
    assert after.refusal.startswith(
        f"network.cidr moves the networks of the stack, and this update also brings release {R}"
    )
    assert f"blue, which is live with release {Q}" in after.refusal
    assert "first change network.cidr alone" in after.refusal
    assert not after.rebuilds


def test_other_refusals_come_first() -> None:
    rejected = Journal().flipped("blue", Q, "release", "t").reject(R, "20 of 100 failed on green", "t")
    made, after = moving(seen(rejected, blue=Q, green=S), R)
    assert after == made


def test_before_the_first_release_there_is_nothing_to_keep() -> None:
    _, after = moving(seen(Journal(attempt=1), blue=R), R)
    assert (after.rebuilds, after.refusal, after.flips, after.create) == (True, "", True, None)


def test_a_live_colour_that_is_gone_is_made_again() -> None:
    _, after = moving(seen(green=S))
    assert (after.create, after.flips, after.rebuilds, after.declared) == ("blue", False, True, {"green": ()})


def test_a_release_of_version_0_1_has_its_new_id_from_then_on() -> None:
    there = seen(blue="former")
    there = replace(there, colours=at(there.colours, ELSEWHERE))
    made = replace(plan(there, LAST, "former"), release="former")
    assert rebuild(made, there, LOOK).release == Q


def test_the_idle_colour_of_an_update_that_was_cut_off() -> None:
    cut = Journal(attempt=1).flipped("blue", Q, "release", "t").begun("green", R, "t")
    made, after = moving(seen(cut, blue=Q, green=R))
    assert (made.create, after.create, after.rebuilds) == ("green", "green", True)
    assert set(after.declared) == {"blue"} < set(COLOURS)


def test_replicas_are_as_many_as_are_wanted() -> None:
    there = replace(seen(blue=Q), colours={"blue": replicas("blue", Q, 3), "green": replicas("green", S, 2)})
    assert moving(there)[1].declared == {"blue": (), "green": ()}
