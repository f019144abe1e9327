"""A release that exchanges paths which settings of the edge name too."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rollout.arguments import Look
from rollout.exchange import exchange
from rollout.journal import Journal
from rollout.plan import Plan, plan
from settings import load
from tests.unit.test_rollout_plan import LAST, Q, R, S, seen
from tests.unit.test_rollout_rebuild import LOOK
from tests.unit.test_way import WAY

HELLO, SEEN = "/v1/hello", "/v1/seen"
KEY = "edge.apiKeys.app.paths"


def look(wanted: str, paths: tuple[str, ...], narrowed: Mapping[str, tuple[str, ...]]) -> Look:
    way = replace(WAY, paths=paths)
    return replace(LOOK, wanted=replace(LOOK.wanted, release=wanted, way=way), narrowed=narrowed)


def refusal(
    live: tuple[str, ...], wanted: tuple[str, ...], narrowed: tuple[str, ...], where: str = KEY, release: str = R
) -> str:
    """Of a plan where blue is live with the paths `live`."""
    there = seen(blue=Q, green=S)
    blue = tuple(replace(replica, way=replace(WAY, paths=live)) for replica in there.colours["blue"])
    there = replace(there, colours={**there.colours, "blue": blue})
    made = replace(plan(there, LAST, release), release=release)
    after = exchange(made, there, look(release, wanted, {where: narrowed}))
    assert after == (Plan(refusal=after.refusal) if after.refusal else made)
    return after.refusal


@pytest.mark.parametrize("where", [KEY, "edge.webSocketPaths", "edge.completionPaths"])
def test_an_exchange_is_refused(where: str) -> None:
    message = refusal((HELLO,), (SEEN,), (SEEN,), where)
    assert message.startswith(f"Release {R} would close paths of blue, which is live with release {Q}")
    assert f"{where} names {SEEN}, which is not open there yet, and not {HELLO}, which is." in message
    assert "first add the new paths to api.paths and to these settings, and keep the old ones" in message


def test_of_several_paths_too() -> None:
    assert HELLO in refusal((HELLO, "/v1/x"), (SEEN, "/v1/x"), (SEEN, "/v1/x"))


@pytest.mark.parametrize(
    ("live", "wanted", "narrowed"),
    [
        ((HELLO,), (HELLO, SEEN), (HELLO, SEEN)),  # the two updates of the way around
        ((HELLO, SEEN), (SEEN,), (SEEN,)),
        ((HELLO,), (HELLO, SEEN), (SEEN,)),  # another client's path, and the old one stays open
        ((HELLO,), (SEEN,), ()),  # everything is open to the key
        (("/v1/",), ("/v1/", "/v2/"), ("/v2/",)),
        (("/v1/",), ("/v1/", "/v2/"), ("/v1/", "/v2/")),
        (("/v1/",), ("/v1/seen",), ("/v1/seen",)),  # a part of what was open
        (("/v1/seen",), ("/v1/",), ("/v1/",)),
        (("/v1/seen/x",), ("/",), ("/v1/seen",)),
    ],
)
def test_what_closes_nothing_is_planned(
    live: tuple[str, ...], wanted: tuple[str, ...], narrowed: tuple[str, ...]
) -> None:
    assert not refusal(live, wanted, narrowed)


def test_the_release_that_is_live_is_not_refused() -> None:
    """After a rollback the settings go back to it. The standby's paths differ, and no request goes there."""
    assert not refusal((HELLO,), (SEEN,), (SEEN,), release=Q)


def test_where_nothing_is_known_to_be_open_nothing_is_refused() -> None:
    made = replace(plan(seen(blue=Q), LAST, R), release=R)
    assert exchange(made, seen(blue=Q), look(R, (SEEN,), {KEY: (SEEN,)})) == made, "version 0.1 without an edge"
    first = seen(Journal(attempt=1))
    assert exchange(made, first, look(R, (SEEN,), {KEY: (SEEN,)})) == made


def test_the_settings_name_them() -> None:
    """Those that are written. They take both steps of the way around."""
    base = {"profile": "development", "OLLAMA_VERSION": "1", "OLLAMA_MODELS": ["a:1"], "IMAGE_TAG": "1"}
    for paths in ([HELLO, SEEN], [SEEN]):
        keys = {"app": {"keys": [], "paths": paths}, "all": {"keys": []}}
        edge = {"apiKeys": keys, "webSocketPaths": paths[-1:]}
        settings = load("x", {**base, "api": {"paths": paths}, "edge": edge})
        expected = {"edge.webSocketPaths": (SEEN,), KEY: tuple(paths), "edge.apiKeys.all.paths": ()}
        assert settings.narrowed == expected
        settings = load("x", {**base, "api": {"paths": paths}, "edge": {**edge, "completionPaths": paths}})
        assert settings.narrowed == {**expected, "edge.completionPaths": tuple(paths)}
