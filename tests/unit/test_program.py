"""The whole program of the production stack under mocks: which resources it makes, and how they are guarded."""

import json
import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

import components.monitoring
import components.plan
import components.ports
from certificates.__main__ import self_signed
from components.stack_file import read_stack
from engine.address import Address
from rollout.arguments import Look
from rollout.plan import Plan
from tests.unit.test_workloads import TestTheList
from workloads import stack as the_list

ROOT = Path(__file__).parent.parent.parent
FIRST = Plan(target="blue", create="blue", flips=True, generation=1, attempt=1)
RELEASE = replace(FIRST, target="green", create="green", generation=2, declared={"blue": ("prod-api-blue",)})
PEM = self_signed("prod", "api.example.com", "")
STDOUT = {"ollama-init-run": '{"llama3.1:8b": "sha256:1"}', "certificate-self-signed": json.dumps(PEM)}


class Engine(mocks.Mocks):
    """Answers as an engine would, and remembers every resource."""

    def __init__(self) -> None:
        self.made: dict[str, mocks.MockResourceArgs] = {}
        self.before_plan: set[str] | None = None
        self.look: Look | None = None
        self.outputs: Mapping[str, Any] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.made[args.name] = args
        stdout = STDOUT.get(args.name, json.dumps({"live": "blue", "release": "r", "image": "i"}))
        extra = {"stdout": stdout} if args.typ == "command:local:Command" else {}
        return f"{args.name}-id", {**args.inputs, **extra}

    def call(self, args: mocks.MockCallArgs) -> Any:
        assert args.token == "pulumi:pulumi:readStackOutputs"
        return {"outputs": self.outputs}

    def containers(self) -> dict[str, dict[str, Any]]:
        """The inputs of every container by its name on the host."""
        found = [args for args in self.made.values() if args.typ == "docker:index/container:Container"]
        return {args.inputs["name"]: args.inputs for args in found}


class Monitor(mocks.MockMonitor):
    """Keeps the options of each registration, which mocks do not see."""

    def __init__(self, engine: mocks.Mocks) -> None:
        super().__init__(engine)
        self.options: dict[str, resource_pb2.RegisterResourceRequest] = {}

    def RegisterResource(self, request: Any) -> Any:
        self.options[request.name] = request
        return cast(Any, super()).RegisterResource(request)


def program(
    monkeypatch: pytest.MonkeyPatch,
    plan: Plan,
    more: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> tuple[Engine, Monitor]:
    """Run `__main__.py` for the stack `prod`, with the configuration that is committed and `more` laid over it.
    `outputs` are those of the update before."""
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    for key, value in (more or {}).items():
        old = config.get(f"orca-agents:{key}", {})
        config[f"orca-agents:{key}"] = old | value if isinstance(value, dict) else value
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    engine = Engine()
    engine.outputs = outputs or {}

    def planned(look: Look, _address: Address) -> Plan:
        engine.look = look
        engine.before_plan = set(engine.made)
        return plan

    monkeypatch.setattr(components.plan, "begin", planned)
    monkeypatch.setattr(components.monitoring, "data_root", lambda _address: "/var/lib/docker")
    monkeypatch.setattr(components.ports, "refused", lambda _address, _trial: {})
    monitor = Monitor(engine)
    mocks.set_mocks(engine, project="orca-agents", stack="prod", preview=False, monitor=monitor)
    pulumi.runtime.set_all_config(texts)
    monkeypatch.chdir(ROOT)

    def run() -> None:
        runpy.run_path(str(ROOT / "__main__.py"))

    cast(Any, pulumi.runtime.test)(run)()
    return engine, monitor


@pytest.fixture(scope="module")
def first() -> tuple[Engine, Monitor]:
    """A first deployment, which many tests look at."""
    with pytest.MonkeyPatch.context() as patched:
        return program(patched, FIRST)


def test_a_first_deployment(first: tuple[Engine, Monitor]) -> None:
    engine, _ = first
    whole = the_list.stack(read_stack("prod"))
    expected = {work.name for work in whole.workloads} - {"prod-api-green"}
    assert {"prod-nginx", "prod-ollama", "prod-ollama-init", "prod-api-blue"} <= expected
    assert set(engine.containers()) == expected | {f"{files.volume.name}-files" for _, files in whole.files}
    networks = {a.inputs["name"]: a.inputs for a in engine.made.values() if a.typ == "docker:index/network:Network"}
    assert {name for name, inputs in networks.items() if inputs["internal"]} == {
        f"prod-{key}" for key, spec in whole.networks.items() if spec.internal
    }
    assert {"prod-edge", "prod-app-network", "prod-model", "prod-egress"} <= set(networks)
    volumes = {a.inputs["name"] for a in engine.made.values() if a.typ == "docker:index/volume:Volume"}
    assert "prod-ollama_data" in volumes


@pytest.mark.parametrize(
    ("before", "another"),
    [
        ({}, None),
        ({"dockerHost": "ssh://deploy@llm-1"}, None),
        ({"dockerHost": "ssh://deploy@llm-2"}, "ssh://deploy@llm-2"),
        ({"dockerHost": ""}, ""),
    ],
    ids=["of a version before", "the same", "another", "none"],
)
def test_the_plan_knows_that_the_host_is_another(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, str], another: str | None
) -> None:
    there = {"live": "blue", "release": "r", **before}
    engine, _ = program(monkeypatch, FIRST, {"dockerHost": "ssh://deploy@llm-1"}, there)
    assert engine.look
    assert engine.look.last_host == another


def test_a_service_that_is_made_anew_is_finished_anew(first: tuple[Engine, Monitor]) -> None:
    """Its volume may have gone with it, and then a one-shot has to fill it again."""
    made = first[0].made
    steps = {name: made[name].inputs for name in made if name.endswith(("-ready", "-run")) and name != "api-before-run"}
    assert {"ollama-ready", "ollama-init-run", "edge-nginx-ready"} <= set(steps)
    for name, inputs in steps.items():
        assert inputs["environment"]["AGAIN"] == f"{name.rpartition('-')[0]}-id"


def test_ollama_as_specified(first: tuple[Engine, Monitor]) -> None:
    ollama = first[0].containers()["prod-ollama"]
    assert ollama["image"].startswith("ollama/ollama:0.35.1@sha256:")
    assert (ollama["memory"], ollama["memorySwap"], ollama["memoryReservation"]) == (8192, 8192, 4096)
    assert ollama["restart"] == "unless-stopped"
    assert ollama["healthcheck"] == {
        "tests": ["CMD", "ollama", "list"],
        "interval": "30s",
        "timeout": "10s",
        "retries": 5,
        "startPeriod": "2m0s",
    }
    assert {"OLLAMA_HOST=0.0.0.0:11434", "OLLAMA_MAX_LOADED_MODELS=3", "OLLAMA_NUM_PARALLEL=1"} <= set(ollama["envs"])
    assert ollama["volumes"][0]["containerPath"] == "/root/.ollama"
    assert not ollama.get("ports")


def test_the_edge_of_a_production_stack_is_told_so(first: tuple[Engine, Monitor]) -> None:
    """Whatever tag its image has, an nginx with known faults is refused then."""
    assert '"production": true' in first[0].made["edge-configure"].inputs["environment"]["STEP"]


def test_every_image_is_pinned(first: tuple[Engine, Monitor]) -> None:
    images = {inputs["image"] for inputs in first[0].containers().values()}
    assert {image for image in images if "@sha256:" not in image} == {"my-registry/orca-agents:1.0.0"}


def test_every_container_is_guarded(first: tuple[Engine, Monitor]) -> None:
    engine, monitor = first
    for args in engine.made.values():
        if args.typ == "docker:index/container:Container":
            options = monitor.options[args.name]
            assert list(options.replaceOnChanges) == ["*"], args.name
            assert options.deleteBeforeReplace, args.name


def test_a_refresh_of_a_service_that_runs_again_is_no_change_of_it(
    first: tuple[Engine, Monitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It notes `mustRun: false`, and a change of any input recreates the container. That is how one comes back that
    could not be started."""
    running = frozenset({"prod-ollama", "prod-nginx"})
    _, monitor = program(monkeypatch, replace(RELEASE, running=running))
    for name in ("ollama", "edge-nginx"):
        assert list(monitor.options[name].ignoreChanges) == ["mustRun"]
    for name in ("prometheus", "ollama-init"):
        assert not monitor.options[name].ignoreChanges
    assert not any(options.ignoreChanges for name, options in first[1].options.items() if "api" not in name)


def test_the_models_outlive_the_stack(first: tuple[Engine, Monitor]) -> None:
    kept = [name for name, options in first[1].options.items() if options.retainOnDelete]
    assert kept == ["storage-ollama_data"]


def test_commands_hold_nothing_of_the_machine(first: tuple[Engine, Monitor]) -> None:
    commands = [args.inputs for args in first[0].made.values() if args.typ == "command:local:Command"]
    assert len(commands) > 5
    for inputs in commands:
        assert inputs["create"].startswith("python3 -m ")
        assert str(ROOT) not in json.dumps(inputs)


def test_what_is_live_is_seen_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first resource on, Pulumi may be replacing the edge, which is asked what is live."""
    engine, _ = program(monkeypatch, RELEASE)
    assert engine.before_plan == set()


def test_a_release_touches_only_the_idle_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    _, monitor = program(monkeypatch, RELEASE)
    assert list(monitor.options["api-blue"].ignoreChanges) == ["*"]
    assert not monitor.options["api-green"].ignoreChanges


@pytest.mark.parametrize("wanted", [1, 2, 4])
def test_a_replica_that_is_not_touched_keeps_an_address_of_its_own(
    monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    """Pulumi makes all of them anew when it replaces a network, also those that the settings no longer ask for."""
    names = ("prod-api-blue", "prod-api-blue-2", "prod-api-blue-3")
    engine, _ = program(monkeypatch, replace(RELEASE, declared={"blue": names}), {"api": {"replicas": wanted}})
    made = {name: inputs for name, inputs in engine.containers().items() if name.startswith("prod-api-")}
    assert [name for name in made if "blue" in name] == list(names)
    assert len(made) == 3 + wanted
    addresses = [{one["ipv4Address"] for one in inputs["networksAdvanced"]} for inputs in made.values()]
    assert len(set().union(*addresses)) == sum(map(len, addresses))
    labels = [{one["label"]: one["value"] for one in made[name]["labels"]} for name in names]
    assert [one["orca.replica"] for one in labels] == ["0", "1", "2"]


def test_where_the_networks_move_every_colour_is_made_as_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = replace(RELEASE, target="blue", create=None, flips=False, rebuilds=True, declared={"blue": (), "green": ()})
    engine, monitor = program(monkeypatch, moved, {"api": {"replicas": 2}})
    names = [name for colour in ("blue", "green") for name in (f"api-{colour}", f"api-{colour}-2")]
    assert {f"prod-{name}" for name in names} == {name for name in engine.containers() if "-api-" in name}
    assert not any(monitor.options[name].ignoreChanges for name in names)
    assert list(monitor.options["api-preflight"].ignoreChanges) == ["*"]


def test_a_refused_release_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match="was rejected"):
        program(monkeypatch, replace(FIRST, refusal="release r was rejected at noon"))


def test_a_bad_configuration_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    mocks.set_mocks(Engine(), project="orca-agents", stack="prod")
    pulumi.runtime.set_all_config({"orca-agents:OLLAMA_MODEL": "x"})
    monkeypatch.chdir(ROOT)
    with pytest.raises(pulumi.RunError, match=r'OLLAMA_MODEL: unknown key, did you mean "OLLAMA_MODELS"'):
        runpy.run_path(str(ROOT / "__main__.py"))


def test_a_key_that_nothing_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    mocks.set_mocks(Engine(), project="orca-agents", stack="prod")
    own = {f"orca-agents:{key}": "x" for key in ("OLLAMA_MODEL", "api")}
    others = {"docker:registryAuth": "[]", "command:x": "x", "pulumi:disable-default-providers": "[]"}
    monkeypatch.chdir(ROOT)
    for more in ({}, {"orca-agent:ollama": "{}", "ollama:cpus": "4"}):
        pulumi.runtime.set_all_config({**own, **others, **more})
        with pytest.raises(pulumi.RunError):
            runpy.run_path(str(ROOT / "__main__.py"))
    (text,) = said
    assert text.startswith("No part of stack prod reads ollama:cpus, orca-agent:ollama: the keys of this project begin")


def test_a_workload_that_is_added_to_the_list_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_list, "SERVICES", {**the_list.SERVICES, "echo": TestTheList.echo})
    engine, monitor = program(monkeypatch, FIRST)
    echo = engine.containers()["prod-echo"]
    assert echo["logOpts"] == {"max-size": "10m", "max-file": "5", "tag": "{{.Name}}"}
    assert echo["capabilities"] == {"adds": [], "drops": ["ALL"]}
    assert "echo-ready" in engine.made
    assert echo["image"] in engine.made["images"].inputs["environment"]["STEP"]
    assert monitor.options["echo"].replaceOnChanges == ["*"]


def test_every_container_waits_for_every_image(first: tuple[Engine, Monitor]) -> None:
    """Whatever is replaced is deleted first, so what it needs must be there before."""
    engine, monitor = first
    (images,) = (urn for urn in monitor.options["storage-edge-config-files"].dependencies if urn.endswith("::images"))
    for args in engine.made.values():
        if args.typ == "docker:index/container:Container" and not args.name.startswith("api-"):
            assert images in monitor.options[args.name].dependencies, args.name
    assert images in monitor.options["api-preflight"].dependencies, "which the colour waits for"


def test_secrets_have_a_volume_for_each_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of the release that is made, filled; and that of the colour which is not touched, as it is."""
    (tmp_path / "a").write_text("value")
    secrets = {
        "api": {
            "secrets": {
                "A": {"from": "file", "key": str(tmp_path / "a")},
                "B": {"from": "command", "key": "echo other", "as": "env"},
            }
        },
        "secrets": {"releaseKey": {"from": "command", "key": "echo 0123456789abcdef0123456789abcdef"}},
    }
    old = "prod-api-secrets-000000000000"
    engine, monitor = program(monkeypatch, replace(RELEASE, volumes={"blue": (old, "another")}), secrets)
    containers = engine.containers()
    (new,) = (name for name in containers if name.startswith("prod-api-secrets-") and not name.startswith(old))
    upload = plain(containers[new]["uploads"])[0]
    assert (upload["file"], upload["content"], upload["permissions"]) == ("/files/A", "value", "0440")
    assert not containers[f"{old}-files"]["uploads"]
    carriers = (new, f"{old}-files")
    ignored = [list(monitor.options[f"storage-{name.removeprefix('prod-')}"].ignoreChanges) for name in carriers]
    assert ignored == [["image"], ["*"]]
    blue, green = containers["prod-api-blue"], containers["prod-api-green"]
    mounts = [[one["volumeName"] for one in colour["volumes"]] for colour in (blue, green)]
    assert mounts == [[old], [new.removesuffix("-files")]]
    assert "B=other" in plain(green["envs"])
    assert green["groupAdds"] == ["0"]
    needed = monitor.options["api-green"].dependencies
    assert any(urn.endswith(f"::storage-{new.removeprefix('prod-')}") for urn in needed)


def plain(secret: Any) -> Any:
    """What is in a secret, as Pulumi hands one over."""
    assert _special_secret_sig == secret[_special_sig_key]
    return secret["value"]
