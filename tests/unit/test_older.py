"""A state that is older than the host: what of the host is the stack's own, and what of it the state takes over."""

import json
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
from docker.errors import NotFound

from engine.address import Address
from engine.errors import Refused
from ops import recover
from ops.drift.deployed import CONTAINER, NETWORK, of_resources, plain
from ops.drift.findings import Finding, findings

TAG = "{{.Name}}"
LIVE, STRANGER = "x-api-blue", "x-stranger"


def container(name: str, found: str, *, attempt: int = 0, tag: str = TAG, network: str = "x-app") -> Any:
    logs = {"tag": tag} if tag else {}
    labels = {"orca.attempt": str(attempt), "of.image": "y"} if attempt else {}
    attrs = {
        "Config": {"Image": "api:2", "Env": ["A=1", "PATH=/bin"], "Labels": labels, "User": "", "Cmd": []},
        "HostConfig": {
            "LogConfig": {"Config": logs},
            "ReadonlyRootfs": False,
            "Privileged": False,
        },
        "NetworkSettings": {"Networks": {network: {}}},
        "Image": "sha256:1",
    }
    return SimpleNamespace(id=found, name=name, status="running", attrs=attrs)


def resource(name: str, found: str, attempt: int = 0) -> dict[str, Any]:
    inputs = {
        "name": name,
        "image": "api:1",
        "envs": ["A=0"],
        "labels": [{"label": "orca.attempt", "value": str(attempt)}] if attempt else [],
        "logOpts": {"tag": TAG},
        "networksAdvanced": [{"name": "x-app"}],
    }
    return {"type": CONTAINER, "urn": name, "id": found, "inputs": inputs, "outputs": {**inputs, "id": found}}


class Engine:
    """An engine with these containers, all of them on one network of the stack."""

    def __init__(self, *there: Any) -> None:
        self.there, self.lists = {found.name: found for found in there}, 0
        self.containers = SimpleNamespace(get=self._get)
        self.api = SimpleNamespace(containers=self._list)
        image = SimpleNamespace(attrs={"Config": {"Env": ["PATH=/bin"]}})
        self.images = SimpleNamespace(get=lambda _: image)
        joined = {found.id: {"Name": found.name} for found in there}
        network = SimpleNamespace(id="n", name="x-app", attrs={"Internal": False, "Containers": joined})
        self.networks = SimpleNamespace(list=lambda: [network], get=lambda _: network)
        self.volumes = SimpleNamespace(list=list)

    def _get(self, name: str) -> Any:
        if name not in self.there:
            raise NotFound(name)
        return self.there[name]

    def _list(self, **_: bool) -> list[dict[str, Any]]:
        self.lists += 1
        return [{"Id": found.id, "Names": [f"/{found.name}"]} for found in self.there.values()]


class Recovery:
    """`finish_interrupted` with these resources in the state; `written` are those that it has imported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: Engine, *resources: dict[str, Any]) -> None:
        self.state = {"deployment": {"resources": list(resources)}}
        self.exports, self.written = 0, cast(dict[str, Any], {})
        monkeypatch.setattr("ops.recover.pulumi.read", self._read)
        monkeypatch.setattr("ops.recover.connect", lambda _: engine)

    def _read(self, *words: str, stdin: str = "") -> str:
        if words[1] == "import":
            self.written = {found["urn"]: found for found in json.loads(stdin)["deployment"]["resources"]}
        self.exports += words[1] == "export"
        return json.dumps(self.state)


def test_a_state_that_knows_its_containers_costs_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(container(LIVE, "1"), container(STRANGER, "9"))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1"), resource("x-gone", "7"))
    assert recover.finish_interrupted("x") == 0
    assert (engine.lists, seen.exports, seen.written) == (1, 1, {})


def test_what_an_update_has_made_since_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(container(LIVE, "2", attempt=4))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2))
    assert recover.finish_interrupted("x") == 1
    noted = seen.written[LIVE]
    assert (noted["id"], noted["outputs"]["id"]) == ("2", "2")
    for side in (noted["inputs"], noted["outputs"]):
        assert "A=1" not in side["envs"], "a secret, which pulumi encrypts"
        values = plain(side)
        assert (values["image"], values["envs"]) == ("api:2", ["A=1"])
        assert values["labels"] == [{"label": "orca.attempt", "value": "4"}]


def test_a_copy_of_a_colour_keeps_what_the_state_has_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tools recreate a container as it is. What they changed in it stays to be found."""
    engine = Engine(container(LIVE, "2", attempt=2))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2))
    assert recover.finish_interrupted("x") == 1
    assert seen.written[LIVE]["id"] == "2"
    assert seen.written[LIVE]["inputs"] == resource(LIVE, "1", attempt=2)["inputs"]


@pytest.mark.parametrize("mark", [{"tag": ""}, {"network": "bridge"}], ids=["log", "network"])
def test_what_was_made_by_hand_is_no_part_of_the_state(monkeypatch: pytest.MonkeyPatch, mark: dict[str, str]) -> None:
    made = container(LIVE, "2", attempt=4, **cast(Any, mark))
    seen = Recovery(monkeypatch, Engine(made), resource(LIVE, "1", attempt=2))
    assert recover.finish_interrupted("x") == 0
    assert seen.written == {}
    (found,) = (found for found in look(Engine(made)) if found.kind == "changed" and "id" in found.what)
    assert found.mend[0] == f"docker --host ssh://far rm --force {LIVE}"


@pytest.mark.parametrize("live", ["blue", "green"])
def test_a_live_colour_that_the_state_has_lost_is_not_updated(monkeypatch: pytest.MonkeyPatch, live: str) -> None:
    engine = Engine(container("x-nginx", "1"), container(LIVE, "2"), container("x-api-before", "3"))
    monkeypatch.setattr("ops.drift.older.state.read", lambda _: SimpleNamespace(marker=live))
    Recovery(monkeypatch, engine, resource("x-nginx", "1"))
    if live == "blue":
        with pytest.raises(Refused, match=rf"{LIVE} serves requests(.|\n)*stack import --stack x"):
            recover.finish_interrupted("x")
    else:
        assert recover.finish_interrupted("x") == 0, "the update removes the other colour, and makes it anew"
    assert recover.finish_interrupted("x", removes=True) == 0


def test_drift_removes_nothing_that_is_newer_than_the_state() -> None:
    found = look(Engine(container(LIVE, "2", attempt=4), container("x-new", "3")))
    assert [finding.kind for finding in found] == ["older", "older"]
    for finding in found:
        assert finding.what.startswith("the state is older than the host: x-")
        assert list(finding.mend) == ["python -m ops recover --stack x", "pulumi up --refresh --stack x"]


def test_a_stranger_may_have_any_name() -> None:
    (found,) = look(Engine(container(LIVE, "1"), container(STRANGER, "3", tag="")), "1", image="api:2", envs=["A=1"])
    assert found.mend == [f"docker --host ssh://far network disconnect --force x-app {STRANGER}"]


def look(engine: Engine, known: str = "1", **inputs: Any) -> list[Finding]:
    """The findings where the state has one colour under that id."""
    noted = resource(LIVE, known, attempt=2)
    noted["inputs"] |= inputs
    network = {"type": NETWORK, "id": "n", "inputs": {"name": "x-app"}}
    wanted = of_resources("x", [noted, network], {})
    engine.there[LIVE].attrs["HostConfig"] |= {"CpuShares": 0, "RestartPolicy": {"Name": "no"}}
    return findings(wanted, cast(docker.DockerClient, engine), Address("ssh://far"))
