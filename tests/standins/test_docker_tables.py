"""Check and Diff of the Docker plugin: what the tables say, without an engine."""

from typing import Any

import pytest

from tools.standins.docker_plugin import planning
from tools.standins.docker_plugin.check import check
from tools.standins.docker_plugin.difference import difference
from tools.standins.docker_plugin.tables import TABLES
from tools.standins.docker_plugin.values import normal
from tools.standins.protocol.provider import Checked, Naming, Resource
from tools.standins.protocol.values import DEFAULTS, UNKNOWN, Properties

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
BASE = {"name": "c", "image": "i", "command": ["sleep", "9"]}
PORT = {"internal": 80, "external": 8080, "ip": "0.0.0.0", "protocol": "tcp"}


def checked(kind: str, inputs: Properties, old: Properties | None = None, naming: Naming | None = None) -> Checked:
    return check(TABLES[kind], Resource("urn", kind, "it"), old or {}, inputs, naming or Naming(b"seed"))


def state_of(kind: str, inputs: Properties) -> Properties:
    """The state after creating at an engine that gives the values that most containers have."""
    planned = planning.plan(TABLES[kind], checked(kind, inputs).inputs)
    engine = {"entrypoints": [], "networkDatas": [], "user": "", "workingDir": "", "memory": 0, "cpuShares": 0}
    known = {**engine, "hostname": "h", "init": False, "ipcMode": "private", "stopTimeout": 10, "domainname": ""}
    reading = {**(known if kind == CONTAINER else {}), "id": "x"}
    read = {**reading, **{name: value for name, value in planned.items() if value != UNKNOWN and name != "id"}}
    return planning.settled(TABLES[kind], planned, read)


def changes(kind: str, state: Properties, inputs: Properties) -> dict[str, str]:
    found = difference(TABLES[kind], state, checked(kind, inputs).inputs)
    return {change.path: change.kind.name + (" replace" if change.replace else "") for change in found.changes}


def test_check_fills_in_defaults_and_lists_them() -> None:
    found = checked(CONTAINER, {**BASE, "healthcheck": {"tests": ["CMD", "x"]}, "ports": [{"internal": 80}]})
    assert found.problems == []
    assert found.inputs["restart"] == "no"
    assert found.inputs["mustRun"] is True
    assert found.inputs["healthcheck"]["startInterval"] == "0s"
    assert found.inputs["ports"] == [{"internal": 80, "ip": "0.0.0.0", "protocol": "tcp"}]
    assert "restart" in found.inputs[DEFAULTS]
    assert "name" not in found.inputs[DEFAULTS]


def test_an_automatic_name_stays_until_the_resource_is_replaced() -> None:
    first = checked(VOLUME, {}).inputs
    assert first["name"].startswith("it-")
    assert len(first["name"]) == len("it-") + 7
    assert checked(VOLUME, {}, old=first, naming=Naming(b"other")).inputs["name"] == first["name"]
    assert checked(VOLUME, {}, naming=Naming(b"other")).inputs["name"] != first["name"]
    assert checked(VOLUME, {"name": "mine"}, old=first).inputs["name"] == "mine"


def test_the_engines_choice_of_names_is_respected() -> None:
    assert checked(VOLUME, {}, naming=Naming(b"seed", proposed="theirs")).inputs["name"] == "theirs"
    assert "give one" in checked(VOLUME, {}, naming=Naming(b"seed", disabled=True)).problems[0].reason


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        (CONTAINER, {**BASE, "restart": "sometimes"}, "'sometimes' doesn't match the pattern"),
        (CONTAINER, {**BASE, "memorySwap": -2}, "'-2' cannot be lower than -1"),
        (CONTAINER, {**BASE, "memory": "much"}, "memory must be a whole number"),
        (CONTAINER, {**BASE, "healthcheck": {"tests": ["x"], "interval": "1 s"}}, "'1 s' is not a valid duration"),
        (CONTAINER, {**BASE, "uploads": [{"file": "/a", "permissions": "640"}]}, "'640' doesn't match"),
        (CONTAINER, {**BASE, "mounts": [{"target": "/a", "type": "disk"}]}, "'disk' doesn't match"),
        (CONTAINER, {"command": ["x"]}, "missing required input 'image'"),
        (CONTAINER, {**BASE, "cgroupParent": "/x"}, "input 'cgroupParent' of docker:index/container:Container is not"),
        (CONTAINER, {**BASE, "nonsense": 1}, "input 'nonsense' of"),
        (CONTAINER, {**BASE, "uploads": [{"file": "/a", "owner": "me"}]}, "input uploads.owner of"),
        (VOLUME, {"cluster": {"id": "x"}}, "input 'cluster' of docker:index/volume:Volume is not supported"),
        (IMAGE, {"name": "i", "build": {"context": "."}}, "input 'build' of"),
    ],
)
def test_refused_inputs_are_named(kind: str, inputs: Properties, text: str) -> None:
    (problem,) = checked(kind, inputs).problems
    assert text in problem.reason
    assert "Examine values at 'it." in problem.reason


def test_unknown_values_are_not_judged() -> None:
    assert checked(CONTAINER, {**BASE, "image": UNKNOWN, "memory": UNKNOWN, "restart": UNKNOWN}).problems == []


REPLACED = "UPDATE replace"
HEALTH = {"tests": ["CMD", "x"], "interval": "1s"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, {}),
        ({}, {"envs": ["A=1"]}, {"envs": "ADD replace"}),
        ({"envs": ["A=1"]}, {"envs": ["A=2", "B=1"]}, {"envs[0]": REPLACED, "envs[1]": "ADD replace"}),
        ({"envs": ["A=1", "B=1"]}, {"envs": ["B=1", "A=1"]}, {}),
        ({"envs": ["A=1", "B=1"]}, {"envs": ["B=1"]}, {"envs[0]": "DELETE replace"}),
        ({"envs": ["A=1"]}, {}, {}),
        ({}, {"command": ["sleep", "8"]}, {"command[1]": REPLACED}),
        ({"labels": [{"label": "a", "value": "1"}]}, {"labels": [{"label": "a", "value": "2"}]}, None),
        ({"user": "1"}, {}, {}),
        ({"user": "1"}, {"user": "2"}, {"user": REPLACED}),
        ({"hostname": "a"}, {}, {}),
        ({"domainname": "a.b"}, {}, {"domainname": "DELETE replace"}),
        ({"tty": True}, {}, {"tty": REPLACED}),
        ({}, {"tty": False}, {}),
        ({"memory": 64}, {"memory": 128}, {"memory": "UPDATE"}),
        ({"memory": 64}, {}, {"memory": "DELETE"}),
        ({}, {"memoryReservation": 32}, {"memoryReservation": "UPDATE"}),
        ({"restart": "always"}, {}, {"restart": "UPDATE"}),
        ({"cpus": "0.5"}, {}, {"cpus": "DELETE replace"}),
        ({}, {"healthcheck": HEALTH}, {"healthcheck": "ADD"}),
        ({"healthcheck": HEALTH}, {"healthcheck": {**HEALTH, "interval": "2s"}}, {"healthcheck.interval": "UPDATE"}),
        ({"healthcheck": HEALTH}, {}, {}),
        ({"sysctls": {"a.b": "1"}}, {"sysctls": {"a.b": "2"}}, {'sysctls["a.b"]': REPLACED}),
        ({"tmpfs": {"/d": "size=1m"}}, {}, {'tmpfs["/d"]': "DELETE"}),
        ({"ports": [PORT]}, {"ports": [{**PORT, "external": 8081}]}, {"ports[0].external": REPLACED}),
        ({"ports": [PORT]}, {"ports": [{"internal": 80}]}, {}),
        ({"ports": [PORT, {**PORT, "internal": 81}]}, {"ports": [{**PORT, "internal": 81}, PORT]}, {}),
        ({"ports": [PORT, {**PORT, "ip": "::"}]}, {"ports": [PORT, {**PORT, "ip": "::"}]}, {}),
        (
            {"ports": [PORT, {**PORT, "ip": "::"}]},
            {"ports": [{**PORT, "ip": "::"}, PORT]},
            {"ports[0].ip": REPLACED, "ports[1].ip": REPLACED},
        ),
        ({"volumes": [{"volumeName": "v"}]}, {"volumes": [{"volumeName": "w"}]}, {"volumes": REPLACED}),
        (
            {"networksAdvanced": [{"name": "n"}]},
            {"networksAdvanced": [{"name": UNKNOWN}]},
            {"networksAdvanced": REPLACED},
        ),
        ({}, {"image": UNKNOWN}, {"image": REPLACED}),
        ({"destroyGraceSeconds": 1}, {"destroyGraceSeconds": 2}, {"destroyGraceSeconds": "UPDATE"}),
    ],
)
def test_what_a_change_of_a_container_means(old: Properties, new: Properties, expected: Any) -> None:
    if expected is None:
        expected = {"labels[0].value": REPLACED}
    assert changes(CONTAINER, state_of(CONTAINER, {**BASE, **old}), {**BASE, **new}) == expected


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (
            CONTAINER,
            {**BASE, "mounts": [{"target": "/a", "type": "tmpfs"}], "uploads": [{"file": "/a", "content": "x"}]},
        ),
        (CONTAINER, {**BASE, "capabilities": {"adds": [], "drops": ["ALL"]}, "networksAdvanced": [{"name": "n"}]}),
        (NETWORK, {"name": "n", "ipamConfigs": [{"subnet": "10.0.0.0/24"}], "labels": [{"label": "a", "value": "1"}]}),
        (VOLUME, {"name": "v", "driverOpts": {"type": "tmpfs"}}),
        (IMAGE, {"name": "i:1", "keepLocally": True}),
    ],
)
def test_nothing_changes_in_the_second_run(kind: str, inputs: Properties) -> None:
    assert changes(kind, state_of(kind, inputs), inputs) == {}


def test_a_container_that_never_came_up_is_replaced() -> None:
    table = TABLES[CONTAINER]
    state = planning.unfinished(table, planning.plan(table, checked(CONTAINER, BASE).inputs))
    assert changes(CONTAINER, state, BASE) == {"entrypoints": "ADD replace", "networkDatas": "ADD"}


def test_order_of_replacement() -> None:
    container, network = TABLES[CONTAINER], TABLES[NETWORK]
    state = state_of(CONTAINER, BASE)
    assert difference(container, state, checked(CONTAINER, {"image": "j"}).inputs).delete_first
    assert difference(network, {"name": "n"}, checked(NETWORK, {"name": "n"}).inputs).delete_first
    assert not difference(network, {"name": "n"}, checked(NETWORK, {}).inputs).delete_first
    assert not difference(TABLES[IMAGE], {"name": "i"}, checked(IMAGE, {"name": "j"}).inputs).delete_first


def test_the_preview_of_a_new_container_leaves_to_the_engine_what_only_it_can_tell() -> None:
    planned = planning.plan(TABLES[CONTAINER], checked(CONTAINER, {**BASE, "envs": [UNKNOWN]}).inputs)
    assert planned["envs"] == [UNKNOWN]
    assert planned["name"] == "c"
    assert {planned[name] for name in ("id", "hostname", "networkDatas", "exitCode")} == {UNKNOWN}


def test_sets_stand_in_the_state_in_one_order() -> None:
    volumes = TABLES[CONTAINER].by_name["volumes"]
    written = [{"containerPath": "/b", "volumeName": "v"}, {"containerPath": "/a", "readOnly": True}]
    assert [item["containerPath"] for item in normal(volumes, written)] == ["/a", "/b"]
    assert normal(volumes, written) == normal(volumes, written[::-1])
    assert "readOnly" not in normal(volumes, written)[1]
    assert normal(volumes, written, zeros=True)[1]["readOnly"] is False
