"""A state that is older than the host: what of the host is the stack's own, and what of it the state takes over."""

import json
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
from docker.errors import NotFound

from engine import address
from engine.address import Address
from engine.arguments import VARIABLE, Configure, write
from engine.errors import NeedsPerson, Refused, Usage
from ops import recover
from ops.drift import own
from ops.drift.deployed import COMMAND, CONTAINER, NETWORK, of_resources, plain
from ops.drift.findings import Finding, findings
from settings import load
from tests.unit.test_setting_effects import BASE
from workloads.stack import SERVICES, stack

TAG = "{{.Name}}"
NETWORK_OF = "x-app-network"
LIVE, OTHER, STRANGER = "x-api-blue", "x-api-green", "x-stranger"


def container(name: str, found: str, *, attempt: int = 0, tag: str = TAG, network: str = NETWORK_OF) -> Any:
    logs = {"tag": tag} if tag else {}
    labels = {"orca.attempt": str(attempt), "of.image": "y"} if attempt else {}
    attrs = {
        "Config": {"Image": "api:2", "Env": ["A=1", "PATH=/bin"], "Labels": labels, "User": "", "Cmd": []},
        "HostConfig": {
            "LogConfig": {"Config": logs},
            "NetworkMode": network,
            "ReadonlyRootfs": False,
            "Privileged": False,
        },
        "NetworkSettings": {"Networks": {network: {"IPAMConfig": {"IPv4Address": f"10.0.0.{found}"}}}},
        "Mounts": [],
        "Image": "sha256:1",
    }
    return SimpleNamespace(id=found, name=name, status="running", attrs=attrs)


def carrier(name: str, found: str, *, status: str = "created") -> Any:
    """One that the engine has given a tag, as its configuration says."""
    made = container(name, found, network="none", tag="{{.ID}}")
    made.attrs["Mounts"] = [{"Name": name.removesuffix("-files"), "Destination": "/files"}]
    made.status = status
    return made


def resource(name: str, found: str, attempt: int = 0) -> dict[str, Any]:
    inputs = {
        "name": name,
        "image": "api:1",
        "envs": ["A=0"],
        "labels": [{"label": "orca.attempt", "value": str(attempt)}] if attempt else [],
        "logOpts": {"tag": TAG},
        "networksAdvanced": [{"name": NETWORK_OF, "ipv4Address": "10.0.0.0"}],
    }
    return {"type": CONTAINER, "urn": name, "id": found, "inputs": inputs, "outputs": {**inputs, "id": found}}


def network(found: str = "n", name: str = NETWORK_OF) -> dict[str, Any]:
    return {"type": NETWORK, "urn": f"network {name}", "id": found, "inputs": {"name": name}}


def of_carrier(name: str, found: str) -> dict[str, Any]:
    inputs = {"name": name, "image": "edge:1", "networkMode": "none", "uploads": [{"file": "/files/a", "content": "a"}]}
    return {"type": CONTAINER, "urn": name, "id": found, "inputs": inputs, "outputs": {**inputs, "id": found}}


class Engine:
    """An engine with these containers, all of them on one network of the stack."""

    def __init__(self, *there: Any) -> None:
        self.there, self.lists = {found.name: found for found in there}, 0
        for found in there:
            found.remove = lambda name=found.name, **_: self.there.pop(name)
        self.containers = SimpleNamespace(get=self._get)
        self.api = SimpleNamespace(containers=self._list)
        image = SimpleNamespace(attrs={"Config": {"Env": ["PATH=/bin"]}})
        self.images = SimpleNamespace(get=lambda _: image)
        joined = {found.id: {"Name": found.name} for found in there}
        network = SimpleNamespace(id="n", name=NETWORK_OF, attrs={"Internal": False, "Containers": joined})
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
    """`finish_interrupted` with these resources in the state; `written` are those that it has imported, without
    the networks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: Engine, *resources: dict[str, Any]) -> None:
        self.state = {"deployment": {"resources": list(resources)}}
        self.exports, self.written = 0, cast(dict[str, Any], {})
        self.asked: list[str] = []
        self.engine: Engine | None = engine
        monkeypatch.setattr("ops.recover.pulumi.read", self._read)
        monkeypatch.setattr("ops.recover.connect", self._connect)

    def _connect(self, where: str) -> Engine:
        self.asked.append(where)
        if self.engine is None:
            raise NeedsPerson("The engine does not answer. Nothing was changed.")
        return self.engine

    def _read(self, *words: str, stdin: str = "") -> str:
        if words[1] == "import":
            self.state["deployment"].pop("pending_operations", None)
            taken = json.loads(stdin)["deployment"]["resources"]
            self.written = {found["urn"]: found for found in taken if found["type"] != NETWORK}
        self.exports += words[1] == "export"
        return json.dumps(self.state)


def test_a_state_that_knows_its_containers_costs_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(container(LIVE, "1"), container(STRANGER, "9"))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1"), resource("x-gone", "7"))
    assert recover.finish_interrupted("x") == 0
    assert (engine.lists, seen.exports, seen.written) == (1, 1, {})


def test_what_an_update_has_made_since_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(container(LIVE, "2", attempt=4))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2), network())
    assert recover.finish_interrupted("x") == 1
    noted = seen.written[LIVE]
    assert (noted["id"], noted["outputs"]["id"]) == ("2", "2")
    for side in (noted["inputs"], noted["outputs"]):
        assert "A=1" not in side["envs"], "a secret, which pulumi encrypts"
        values = plain(side)
        assert (values["image"], values["envs"]) == ("api:2", ["A=1"])
        assert values["labels"] == [{"label": "orca.attempt", "value": "4"}]


def test_what_no_refresh_reads_back_of_a_service_is_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else drift takes it for changed by hand, or the update recreates it for files that it has read already."""
    made = container("x-grafana", "2")
    made.attrs["Config"] |= {"User": "7:7", "Labels": {"orca.files": "b", "of.image": "y"}}
    known = resource("x-grafana", "1")
    known["inputs"] |= {"user": "1:1", "labels": [{"label": "orca.files", "value": "a"}]}
    seen = Recovery(monkeypatch, Engine(made), known, network())
    assert recover.finish_interrupted("x") == 1
    noted = seen.written["x-grafana"]["inputs"]
    assert (noted["user"], noted["labels"]) == ("7:7", [{"label": "orca.files", "value": "b"}])


def test_a_copy_of_a_colour_keeps_what_the_state_has_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tools recreate a container as it is. What they changed in it stays to be found."""
    engine = Engine(container(LIVE, "2", attempt=2))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2), network())
    assert recover.finish_interrupted("x") == 1
    assert seen.written[LIVE]["id"] == "2"
    assert seen.written[LIVE]["inputs"] == resource(LIVE, "1", attempt=2)["inputs"]


def test_a_container_of_a_host_that_was_set_up_anew_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its attempts begin anew, and the state counts from before. Else drift takes all of it for changed by hand."""
    made = container(LIVE, "2", attempt=2)
    made.attrs["Config"]["Labels"]["orca.release"] = "r2"
    known = resource(LIVE, "1", attempt=2)
    known["inputs"]["labels"].append({"label": "orca.release", "value": "r1"})
    for attempt in (2, 7):
        known["inputs"]["labels"][0]["value"] = str(attempt)
        seen = Recovery(monkeypatch, Engine(made), known, network())
        assert recover.finish_interrupted("x") == 1
        noted = plain(seen.written[LIVE]["inputs"])
        assert (noted["image"], noted["envs"]) == ("api:2", ["A=1"])
        assert {label["value"] for label in noted["labels"]} == {"2", "r2"}


def test_a_container_without_an_environment_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = container(LIVE, "2", attempt=4)
    made.attrs["Config"]["Env"] = None
    seen = Recovery(monkeypatch, Engine(made), resource(LIVE, "1", attempt=2), network())
    assert recover.finish_interrupted("x") == 1
    assert plain(seen.written[LIVE]["inputs"])["envs"] == []


@pytest.mark.parametrize("attempt", [2, 4], ids=["copy", "release"])
def test_the_failures_of_the_former_container_are_not_those_of_this_one(
    monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    """For either Pulumi would make the container anew, which serves."""
    failed = {**resource(LIVE, "1", attempt=2), "initErrors": ["it did not start"], "pendingReplacement": True}
    seen = Recovery(monkeypatch, Engine(container(LIVE, "2", attempt=attempt)), failed, network())
    assert recover.finish_interrupted("x") == 1
    assert seen.written[LIVE]["id"] == "2"
    assert not {"initErrors", "pendingReplacement"} & seen.written[LIVE].keys()


@pytest.mark.parametrize("mark", [{"tag": ""}, {"network": "bridge"}], ids=["log", "network"])
def test_what_was_made_by_hand_is_no_part_of_the_state(monkeypatch: pytest.MonkeyPatch, mark: dict[str, str]) -> None:
    made = container(LIVE, "2", attempt=4, **cast(Any, mark))
    seen = Recovery(monkeypatch, Engine(made), resource(LIVE, "1", attempt=2))
    assert recover.finish_interrupted("x") == 0
    assert seen.written == {}
    (found,) = (found for found in look(Engine(made)) if found.kind == "changed" and "id" in found.what)
    assert found.mend[0] == f"docker --host ssh://far rm --force {LIVE}"


@pytest.mark.parametrize("name", [OTHER, "x-api-blue-2", "x-api-green-2"])
def test_a_container_of_the_api_that_came_since_is_noted_as_its_sibling_is(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The copy was taken when there was blue alone, in one container."""
    engine = Engine(container(LIVE, "1", attempt=2), container(name, "2", attempt=1))
    engine.there[name].attrs["NetworkSettings"]["Networks"]["somebody-s"] = {}
    known = {**resource(LIVE, "1", attempt=2), "parent": "api", "initErrors": ["a"]}
    seen = Recovery(monkeypatch, engine, known, resource("x-nginx", "7"))
    assert recover.finish_interrupted("x") == 1
    assert [*seen.written] == [LIVE, name, "x-nginx"], "behind what it depends on"
    assert seen.written[LIVE] == known
    noted = seen.written[name]
    assert (noted["id"], noted["outputs"]["id"], noted["parent"], "initErrors" in noted) == ("2", "2", "api", False)
    for side in (noted["inputs"], noted["outputs"]):
        values = plain(side)
        assert (values["name"], values["image"], values["envs"]) == (name, "api:2", ["A=1"])
        assert values["labels"] == [{"label": "orca.attempt", "value": "1"}]
        assert values["networksAdvanced"] == [{"name": NETWORK_OF, "ipv4Address": "10.0.0.2"}]
    assert {*engine.there} == {LIVE, name}


def test_a_sibling_in_the_state_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recovery(monkeypatch, Engine(container("x-nginx", "1"), container(OTHER, "2", attempt=3)))
    seen.state["deployment"]["resources"] = [resource("x-nginx", "1"), resource(LIVE, "9", attempt=1)]
    assert recover.finish_interrupted("x") == 1
    assert seen.written[OTHER]["id"] == "2"
    assert seen.written[LIVE]["id"] == "9", "the update finds it gone"


def test_a_carrier_that_came_since_is_removed_for_the_update_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated secret has a volume and a carrier of its own, and the provider adopts the volume by its name."""
    came = carrier("x-api-secrets-0a1b-files", "2")
    others = (carrier("x-2-edge-config-files", "3"), carrier("x-edge-config-files", "4", status="running"))
    engine = Engine(container(LIVE, "1", attempt=2), came, *others)
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2))
    assert recover.finish_interrupted("x") == 1
    assert {*engine.there} == {LIVE, *(other.name for other in others)}
    assert [*seen.written] == [LIVE], "the state is free, for it could be written"


@pytest.mark.parametrize("known", [True, False])
def test_the_files_of_another_carrier_are_laid_again(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    """Also where the state's own files are wanted: the edge may run another configuration."""
    name = "x-edge-config-files"
    argument = write(Configure(container="x-nginx", config="a"))
    environment = {VARIABLE: argument, "AGAIN": "7"}
    step = {"type": COMMAND, "urn": "configure", "id": "c", "inputs": {"environment": environment}, "outputs": {}}
    noted = [resource("x-nginx", "7"), step, *([of_carrier(name, "1")] if known else [])]
    engine = Engine(container("x-nginx", "7"), carrier(name, "2"))
    seen = Recovery(monkeypatch, engine, *noted)
    assert recover.finish_interrupted("x") == 1
    assert plain(seen.written["configure"]["inputs"]["environment"]) == {VARIABLE: "", "AGAIN": "7"}
    if known:
        assert (seen.written[name]["id"], seen.written[name]["inputs"]["uploads"]) == ("2", [])
    assert (name in engine.there) == known


def test_what_serves_and_has_no_sibling_in_the_state_is_not_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh has dropped both colours. Behind the refusal stands what helps."""
    engine = Engine(container("x-nginx", "1"), container(LIVE, "2"), container(OTHER, "3"), container("x-api-no", "4"))
    seen = Recovery(monkeypatch, engine, resource("x-nginx", "1"))
    with pytest.raises(Refused, match=rf"has {LIVE}, {OTHER}, which may serve(.|\n)*stack import --stack x"):
        recover.finish_interrupted("x")
    assert recover.finish_interrupted("x", removes=True) == 0
    assert seen.written == {}
    seen.state["deployment"]["resources"].append(resource(OTHER, "0", attempt=1))
    assert recover.finish_interrupted("x") == 2
    assert {LIVE, OTHER} < {*seen.written}


def test_a_service_that_came_since_is_removed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """After all else is noted: the command and an update with a refresh may follow one another."""
    engine = Engine(container(LIVE, "2", attempt=4), container("x-grafana", "3", network="x-obs"))
    engine.networks.list = lambda: [SimpleNamespace(name=name, id="n") for name in (NETWORK_OF, "x-obs", "x-2-obs")]
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2), network())
    with pytest.raises(NeedsPerson) as left:
        recover.finish_interrupted("x")
    assert str(left.value).splitlines()[1:] == ["  docker rm --force x-grafana", "  docker network rm x-obs"]
    assert seen.written[LIVE]["id"] == "2"
    del engine.there["x-grafana"]
    assert recover.finish_interrupted("x") == 1


def test_a_state_without_any_container_is_asked_for_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh has dropped all of them. Where the state has nothing at all, there is nothing to ask for."""
    engine = Engine(container("x-nginx", "1"), container(LIVE, "2"))
    seen = Recovery(monkeypatch, engine, network())
    with pytest.raises(Refused, match=rf"has {LIVE}, x-nginx, which may serve(.|\n)*stack import --stack x"):
        recover.finish_interrupted("x")
    seen = Recovery(monkeypatch, engine)
    assert (recover.finish_interrupted("x"), seen.asked) == (0, [])


@pytest.mark.parametrize("known", [[], [resource("x-nginx", "1")]], ids=["nothing", "edge"])
def test_a_removal_names_what_it_leaves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], known: list[dict[str, Any]]
) -> None:
    engine = Engine(container("x-nginx", "1"), container(LIVE, "2"), container("x-grafana", "3", network="x-obs"))
    engine.networks.list = lambda: [SimpleNamespace(name=name, id="n") for name in (NETWORK_OF, "x-obs", "x-2-obs")]
    seen = Recovery(monkeypatch, engine, *known, network())
    assert recover.finish_interrupted("x", removes=True) == 0
    names = f"{LIVE} x-grafana" + ("" if known else " x-nginx")
    *_, containers, networks = capsys.readouterr().err.splitlines()
    assert (containers, networks) == (f"  docker rm --force {names}", "  docker network rm x-obs")
    assert (seen.written, {*engine.there}) == ({}, {"x-nginx", LIVE, "x-grafana"})


def test_a_removal_that_leaves_nothing_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Recovery(monkeypatch, Engine(container(LIVE, "1"), container(STRANGER, "9")), resource(LIVE, "1"), network())
    assert recover.finish_interrupted("x", removes=True) == 0
    assert capsys.readouterr().err == ""


def test_a_copy_of_before_other_networks_is_not_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With valid ids the update would remove what serves, and the networks' names would then be in use."""
    engine = Engine(container(LIVE, "2", attempt=4), container("x-nginx", "7"))
    seen = Recovery(monkeypatch, engine, resource(LIVE, "1", attempt=2), resource("x-nginx", "7"), network("former"))
    with pytest.raises(Refused, match=rf"made anew the networks {NETWORK_OF}(.|\n)*Nothing was changed"):
        recover.finish_interrupted("x")
    assert seen.written == {}
    assert recover.finish_interrupted("x", removes=True) == 1, "a removal needs to know the containers"
    replaced = {**network("former"), "delete": True}
    seen.state["deployment"]["resources"][2:] = [replaced, network()]
    assert recover.finish_interrupted("x") == 1


def test_networks_that_somebody_has_made_anew_are_no_older_state(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recovery(monkeypatch, Engine(container(LIVE, "1")), resource(LIVE, "1"), network("former"))
    assert recover.finish_interrupted("x") == 0
    assert seen.written == {}


@pytest.mark.parametrize("host", ["", "ssh://far"])
def test_names_alone_do_not_tell_the_engine_of_a_state_that_names_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    """DOCKER_HOST may name one that has another stack of this name."""
    monkeypatch.setattr("ops.recover.engine_of", lambda _: Address("ssh://far"))
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    provider = {"type": "pulumi:providers:docker", "urn": "p", "inputs": {"host": host} if host else {}}
    known = [{**found, "provider": "p::1"} for found in (resource(LIVE, "1", attempt=2), network("former"))]
    engine = Engine(container(LIVE, "2", attempt=4), container("x-nginx", "3"))
    seen = Recovery(monkeypatch, engine, provider, *known)
    if host:
        with pytest.raises(Refused):
            recover.finish_interrupted("x")
    else:
        assert recover.finish_interrupted("x") == 0
        assert "The engine at ssh://far has no container that the state of x knows." in capsys.readouterr().err
    assert (seen.asked, seen.written) == (["ssh://far"], {})


@pytest.mark.parametrize("name", [LIVE, "x-nginx"])
def test_what_was_begun_once_and_is_whole_now_is_not_half_made(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The copy was taken while an update made it. Later ones have made it anew, and it serves."""
    there, half_made = container(name, "2", attempt=4), container("x-ollama", "3")
    there.attrs["HostConfig"]["PidsLimit"] = 256
    engine = Engine(there, half_made)
    monkeypatch.setattr("ops.recover.engine_of", lambda _: address.of_user())
    seen = Recovery(monkeypatch, engine, resource(name, "1", attempt=2), network())
    begun = [{"type": "creating", "resource": {**resource(found, ""), "id": ""}} for found in (name, "x-ollama")]
    seen.state["deployment"]["pending_operations"] = begun
    assert recover.finish_interrupted("x") == 3
    assert {*engine.there} == {name}
    assert seen.written[name]["id"] == "2"


def test_an_engine_that_does_not_answer_is_no_state_that_knows_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command is one that refreshes."""
    seen = Recovery(monkeypatch, Engine(), resource(LIVE, "1"))
    seen.engine = None
    monkeypatch.setattr("ops.recover.wait_for_other", lambda _: None)
    monkeypatch.setattr("ops.recover.pulumi.exists", lambda _: True)
    with pytest.raises(NeedsPerson):
        recover.recover("x")
    assert capsys.readouterr().out == ""
    assert recover.finish_interrupted("x", removes=True) == 0, "the removal asks for it itself"
    assert seen.written == {}


@pytest.mark.parametrize(("files", "asked"), [("ssh://new", "ssh://new"), (None, "ssh://old")])
def test_the_address_of_the_files_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: str | None, asked: str
) -> None:
    def engine_of(_: str) -> Address:
        if files is None:
            raise Usage("There are no files.")
        return Address(files)

    monkeypatch.setattr("ops.recover.engine_of", engine_of)
    provider = {"type": "pulumi:providers:docker", "urn": "p", "inputs": {"host": "ssh://old"}}
    known = [provider, {**resource(LIVE, "1", attempt=2), "provider": "p::1"}, resource("x-nginx", "7")]
    engine = Engine(container(LIVE, "2", attempt=4), container("x-nginx", "7"))
    seen = Recovery(monkeypatch, engine, *known)
    assert recover.finish_interrupted("x", removes=True) == 1
    assert seen.asked == ["ssh://old"], "where Pulumi removes it"
    assert recover.finish_interrupted("x") == 1
    assert seen.asked[1:] == [asked]
    if files:  # another host, with another stack of that name
        engine.there["x-nginx"].id = "8"
        assert recover.finish_interrupted("x") == 0
        assert "The engine at ssh://new has no container that the state of x knows." in capsys.readouterr().err


def test_drift_removes_nothing_that_is_newer_than_the_state() -> None:
    found = look(Engine(container(LIVE, "2", attempt=4), container(OTHER, "3")))
    assert [finding.kind for finding in found] == ["older", "older"]
    for finding in found:
        assert finding.what.startswith("the state is older than the host: x-")
        assert list(finding.mend) == ["python -m ops recover --stack x", "pulumi up --refresh --stack x"]


def test_drift_leaves_a_service_that_the_state_cannot_have_to_recover() -> None:
    """It may have come with others, and with networks that the state lacks: `recover` names all of it."""
    (found,) = look(Engine(container(LIVE, "1"), container("x-grafana", "3")), image="api:2", envs=["A=1"])
    assert found.kind == "older"
    assert list(found.mend) == ["python -m ops recover --stack x", "pulumi up --refresh --stack x"]


@pytest.mark.parametrize(("name", "further"), [("x-2-nginx", "x-2-edge"), ("x-grafana", "x-grafana-edge")])
def test_a_container_of_another_stack_is_foreign(name: str, further: str) -> None:
    """Somebody has connected it to a network of this one."""
    other = container(name, "3")
    other.attrs["NetworkSettings"]["Networks"][further] = {}
    (found,) = look(Engine(container(LIVE, "1"), other), image="api:2", envs=["A=1"])
    assert (found.kind, found.mend) == (
        "foreign",
        [f"docker --host ssh://far network disconnect --force {NETWORK_OF} {name}"],
    )


@pytest.mark.parametrize(("tag", "adopted"), [("", 0), (TAG, 1)])
def test_what_has_no_tag_on_either_side_is_not_taken_for_the_program_s(
    monkeypatch: pytest.MonkeyPatch, tag: str, adopted: int
) -> None:
    """Version 0.1 gave none, so a copy by hand is like its containers. What a later version made has one."""
    former = resource(LIVE, "1")
    del former["inputs"]["logOpts"]
    seen = Recovery(monkeypatch, Engine(container(LIVE, "2", tag=tag)), former, network())
    assert recover.finish_interrupted("x") == adopted
    assert len(seen.written) == adopted


def test_every_name_that_the_program_gives_is_known_as_this_stack_s_alone() -> None:
    models = {"mirror": "local", "proxyLogin": {"from": "file", "key": "login"}, **BASE["models"]}
    whole = stack(load("x", {**BASE, "api": {**BASE["api"], "replicas": 3}, "models": models}))
    names = [work.name for work in whole.workloads]
    carriers = [f"{files.volume.name}-files" for _, files in whole.files]
    assert {"x-model-mirror", "x-acme", "x-grafana", "x-api-before", "x-api-green-3"} < {*names}
    assert {own.kind(name, "x") for name in names} == {"colour", "service"}
    assert {own.kind(name, "x") for name in carriers} == {"carrier"}
    assert [*SERVICES] == [work.service for work in whole.services], "the name in the list is that of the service"
    assert [name for name in names if own.serves(name, "x")] == [
        *("x-ollama", "x-nginx", "x-api-blue", "x-api-blue-2", "x-api-blue-3"),
        *("x-api-green", "x-api-green-2", "x-api-green-3"),
    ]
    for further in ("2", "api", "api-blue", "edge", "ollama", "collector"):
        others = [name.replace("x-", f"x-{further}-", 1) for name in (*names, *carriers)]
        assert {own.kind(name, "x") for name in others} == {""}, further
    assert {network.name for network in whole.networks.values()} <= own.networks("x")


def test_a_stranger_may_have_any_name() -> None:
    (found,) = look(Engine(container(LIVE, "1"), container(STRANGER, "3", tag="")), "1", image="api:2", envs=["A=1"])
    assert found.mend == [f"docker --host ssh://far network disconnect --force {NETWORK_OF} {STRANGER}"]


def look(engine: Engine, known: str = "1", **inputs: Any) -> list[Finding]:
    """The findings where the state has one colour under that id."""
    noted = resource(LIVE, known, attempt=2)
    noted["inputs"] |= inputs
    wanted = of_resources("x", [noted, network()], {})
    engine.there[LIVE].attrs["HostConfig"] |= {"CpuShares": 0, "RestartPolicy": {"Name": "no"}}
    return findings(wanted, cast(docker.DockerClient, engine), Address("ssh://far"))
