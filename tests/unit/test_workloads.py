"""Workloads: the specification's values, the secure defaults, the network plan, the release id."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any

import pytest
from pydantic import SecretStr

from components.stack_file import read_stack
from settings import Settings, load
from workloads import api, edge, ollama
from workloads import stack as the_list
from workloads.colour import COLOURS
from workloads.network import attach, networks
from workloads.release import digest, release
from workloads.stack import OUTSIDE, stack
from workloads.workload import Capabilities, Exemption, HealthCheck, Listen, Log, Resources, Workload


def dev(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["tiny:1"]}
    return load("dev", {**base, **values})


class TestSpecification:
    """Section 3 of the production deployment specification, on the production stack as it is committed."""

    def test_ollama(self) -> None:
        server = ollama.server(read_stack("prod"))
        assert server.name == "prod-ollama"
        assert server.image.startswith("ollama/ollama:0.35.1@sha256:")
        assert server.env["OLLAMA_HOST"] == "0.0.0.0:11434"
        assert server.env["OLLAMA_MAX_LOADED_MODELS"] == "3"
        assert server.env["OLLAMA_NUM_PARALLEL"] == "1"
        assert server.health == HealthCheck(
            test=("CMD", "ollama", "list"), interval=30, timeout=10, retries=5, start_period=120
        )
        assert (server.resources.memory, server.resources.memory_reservation) == (8 * 1024**3, 4 * 1024**3)
        assert [mount.path for mount in server.mounts] == ["/root/.ollama"]
        assert server.mounts[0].volume.name == "prod-ollama_data"
        assert not server.one_shot

    def test_the_list_of_models_never_reaches_the_server(self) -> None:
        for workload in (ollama.server(read_stack("prod")), ollama.init(read_stack("prod"))):
            assert "OLLAMA_MODELS" not in workload.env
        assert ollama.init(read_stack("prod")).env["MODELS_TO_PULL"] == "llama3.1:8b"

    def test_api(self) -> None:
        (blue,) = api.colour_workloads(read_stack("prod"), "blue")
        assert blue.image == "my-registry/orca-agents:1.0.0"
        assert blue.env["OLLAMA_BASE_URL"] == "http://ollama:11434"

    def test_only_the_edge_publishes_ports(self) -> None:
        """Beyond the host: the operators' pages are on its loopback."""
        published = {work.name: work.ports for work in stack(read_stack("prod")).workloads if work.ports}
        assert set(published) == {"prod-nginx", "prod-pages"}
        assert all(port.bind.is_loopback for port in published["prod-pages"])


def resolved(settings: Settings, **changed: str) -> tuple[list[str], list[str]]:
    """Where `ollama-init` pulls each model from, and below which name it keeps it: by the script's own beginning."""
    beginning = ollama.INIT_SCRIPT.partition('\nrm -rf "$staging"')[0]
    script = beginning + '\nprintf "%s\\n" "${sources[@]}" "${manifests[@]}"'
    env = {**ollama.init(settings).env, **changed, "HOME": "/nowhere"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    return lines[: len(lines) // 2], lines[len(lines) // 2 :]


class TestNetworks:
    def test_ranges_do_not_overlap_and_only_three_have_a_way_out(self) -> None:
        plan = networks(dev())
        subnets = [spec.subnet for spec in plan.values()]
        assert len(set(subnets)) == len(plan)
        assert {key for key, spec in plan.items() if not spec.internal} == {"edge", "egress", "pages"}
        assert plan["app-network"].name == "dev-app-network"

    @pytest.mark.parametrize(
        ("model", "group", "pulled"),
        [
            ("a:1", {}, "https://registry.ollama.ai/library/a:1"),
            ("u/a:1", {}, "https://registry.ollama.ai/u/a:1"),
            ("hf.co/u/a:1", {}, "https://hf.co/u/a:1"),
            ("a:1", {"mirror": "http://m:5000"}, "http://m:5000/library/a:1"),
            ("u/a:1", {"mirror": "https://m"}, "https://m/u/a:1"),
            ("a:1", {"mirror": "https://m/team"}, "https://m/team/a:1"),
            ("a:1", {"mirror": "local"}, "http://10.77.3.12:5000/library/a:1"),
            ("registry/ns/a:1", {}, "https://registry/ns/a:1"),
            # Artifactory and Nexus: by a host or a port of their own, or a local repository by its key
            ("a:1", {"mirror": "https://ollama.repo.example"}, "https://ollama.repo.example/library/a:1"),
            ("u/a:1", {"mirror": "https://repo.example:5001/"}, "https://repo.example:5001/u/a:1"),
            ("a:1", {"mirror": "https://repo.example/ollama-local"}, "https://repo.example/ollama-local/a:1"),
            ("repo.example/ollama-local/a:1", {}, "https://repo.example/ollama-local/a:1"),
            ("registry:5000/ns/a:1", {"plainHttp": ["registry:5000"]}, "http://registry:5000/ns/a:1"),
        ],
    )
    def test_where_a_model_is_pulled_from(self, model: str, group: dict[str, Any], pulled: str) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": [model]}
        assert resolved(load("x", {**values, "models": group}))[0] == [pulled]

    @pytest.mark.parametrize("mirror", ["local", "http://m", "https://m/team"])
    @pytest.mark.parametrize("model", ["hf.co/u/a-GGUF:Q4_K_M", "r:5/n/a:1", "repo.example/ollama-local/a:1"])
    def test_a_registry_s_name_leads_past_every_mirror(self, model: str, mirror: str) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1"}
        pinned = f"{model}@sha256:{'ab' * 32}"
        settings = load("x", {**values, "OLLAMA_MODELS": ["b:1", pinned], "models": {"mirror": mirror}})
        sources, manifests = resolved(settings)
        assert sources[1] == f"https://{model}"
        assert manifests[1] == model.replace(":Q", "/Q").replace(":1", "/1") == settings.ollama_models[1].manifest
        assert str(ollama.init(settings).env["MODELS_TO_PULL"]).split()[1] == pinned

    def test_a_name_with_its_registry_beside_a_mirror(self) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1"}
        settings = load("x", {**values, "OLLAMA_MODELS": "a:1, r:5/n/b:2", "models": {"mirror": "http://m"}})
        assert resolved(settings) == (
            ["http://m/library/a:1", "https://r:5/n/b:2"],
            ["registry.ollama.ai/library/a/1", "r:5/n/b/2"],
        )

    @pytest.mark.parametrize("written", ["a:1 u/b:2", "a:1,u/b:2", " a:1,\tu/b:2\n"])
    def test_the_list_as_an_environment_writes_it(self, written: str) -> None:
        """The variable of a Compose file goes to the script as it is."""
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": ["c:3"]}
        sources, manifests = resolved(load("x", values), MODELS_TO_PULL=written)
        assert sources == ["https://registry.ollama.ai/library/a:1", "https://registry.ollama.ai/u/b:2"]
        assert manifests == ["registry.ollama.ai/library/a/1", "registry.ollama.ai/u/b/2"]

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("a", '"a" is no model; write [host/][namespace/]name:tag'),
            ("a:1 *", '"*" is no model'),
            ("a:1@sha256:12", '"a:1@sha256:12" is no model'),
            ("r.example:5000/a:1", '"r.example:5000/a:1" has a host and no namespace'),
            (",", "it names no model"),
        ],
    )
    def test_what_is_no_model_there(self, written: str, why: str) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": ["c:3"]}
        with pytest.raises(AssertionError, match=re.escape(f"OLLAMA_MODELS: {why}")):
            resolved(load("x", values), MODELS_TO_PULL=written)

    @pytest.mark.parametrize(
        ("cpus", "threads"),
        [("0.5", "1"), ("1", "1"), ("1.9", "1"), ("2.5", "2"), ("4", "4"), (None, "4"), ("64", "64")],
    )
    def test_as_many_threads_as_whole_cpus_within_the_limit(self, cpus: str | None, threads: str) -> None:
        """One thread more than the limit holds, and all of them wait for the one that the kernel holds back."""
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": "a:1"}
        server = ollama.server(load("x", {**values, "ollama": {"cpus": cpus} if cpus else {}}))
        assert server.env["LLAMA_ARG_THREADS"] == threads
        assert server.resources.cpus == Decimal(cpus or "4")

    def test_the_settings_of_ollama_reach_it_under_its_own_names(self) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": "a:1"}
        group = {
            "cpus": "2.5",
            "keepAlive": "-1",
            "maxQueue": 9,
            "contextLength": 8192,
            "flashAttention": True,
            "kvCacheType": "q8_0",
            "loadTimeout": "10m",
            "origins": ["https://a.example", "https://b.example"],
            "debug": True,
            "env": {"OLLAMA_SCHED_SPREAD": "1"},
        }
        env = ollama.server(load("x", {**values, "ollama": group})).env
        assert {
            "OLLAMA_KEEP_ALIVE": "-1",
            "OLLAMA_MAX_QUEUE": "9",
            "OLLAMA_CONTEXT_LENGTH": "8192",
            "OLLAMA_FLASH_ATTENTION": "1",
            "OLLAMA_KV_CACHE_TYPE": "q8_0",
            "OLLAMA_LOAD_TIMEOUT": "600",
            "OLLAMA_ORIGINS": "https://a.example,https://b.example",
            "OLLAMA_DEBUG": "1",
            "OLLAMA_SCHED_SPREAD": "1",
            "OLLAMA_NO_CLOUD": "1",
            "LLAMA_ARG_THREADS": "2",
            "LLAMA_ARG_CACHE_RAM": "341",
        }.items() <= dict(env).items()
        assert "OLLAMA_MODELS" not in env

    def test_gpus(self) -> None:
        values = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": "a:1"}
        found = ollama.server(load("x", {**values, "gpu": "nvidia", "gpuDevices": ["0", "2"]}))
        assert (found.gpus, found.devices) == ("device=0,2", ())
        assert ollama.server(load("x", {**values, "gpu": "nvidia"})).gpus == "all"
        assert ollama.server(load("x", {**values, "gpu": "amd"})).devices == ("/dev/kfd", "/dev/dri")

    def test_ollama_is_on_the_model_network_alone(self) -> None:
        assert [attachment.network for attachment in ollama.server(dev()).networks] == ["model"]

    def test_nginx_has_no_way_to_ollama(self) -> None:
        assert {attachment.network for attachment in edge.server(dev()).networks} == {"edge", "app-network"}

    @pytest.mark.parametrize(("egress", "networks_of_api"), [(True, 3), (False, 2)])
    def test_the_api_s_way_out_is_a_setting(self, egress: bool, networks_of_api: int) -> None:
        (blue,) = api.colour_workloads(dev(api={"egress": egress}), "blue")
        assert len(blue.networks) == networks_of_api

    def test_no_two_workloads_share_an_address(self) -> None:
        settings = dev(api={"replicas": 16}, models={"mirror": "local"})
        used = [(a.network, a.address) for workload in stack(settings).workloads for a in workload.networks]
        assert len(used) == len(set(used)) > 60

    def test_fixed_addresses_are_outside_of_what_the_engine_gives_out(self) -> None:
        settings = dev(api={"replicas": 16}, models={"mirror": "local"})
        plan = networks(settings)
        fixed = [found for workload in stack(settings).workloads for found in workload.networks if found.address]
        assert all(found.address not in plan[found.network].dynamic for found in fixed)

    def test_an_address_may_be_left_to_the_engine(self) -> None:
        assert attach(dev(), "model").address is None


class TestReach:
    """The matrix follows from the networks: whoever shares one with a service can open its ports."""

    def test_whom_nobody_outside_may_reach(self) -> None:
        assert not [door for door in stack(dev()).doors if OUTSIDE in door.open_to]

    def test_only_the_api_reaches_the_model(self) -> None:
        (door,) = (door for door in stack(dev()).doors if door.to == "ollama")
        assert door.open_to == {"api-blue", "api-green", "blackbox"}
        (alone,) = (door for door in stack(dev(monitoring="off")).doors if door.to == "ollama")
        assert alone.open_to == {"api-blue", "api-green"}

    def test_what_is_on_egress_reaches_the_api(self) -> None:
        """The ACME client too: it has a way out, as the API has by default."""
        whole = stack(dev(edge={"tls": {"acme": {"email": "a@example.com"}}, "hostname": "a.example.com"}))
        assert whole.may_open("acme", "api-blue", 8000)
        assert not whole.may_open("acme", "ollama", 11434)
        closed = dev(edge={"tls": {"acme": {"email": "a@example.com"}}, "hostname": "a.b.com"}, api={"egress": False})
        assert not stack(closed).may_open("acme", "api-blue", 8000)

    def test_what_is_wider_than_needed_needs_a_reason(self) -> None:
        whole = stack(dev())
        silent = tuple(replace(found, wider="") for found in whole.edge.listens)
        with pytest.raises(ValueError, match="nginx: port 8080 is open to api-blue, api-green, which do not need it"):
            _ = replace(whole, edge=replace(whole.edge, listens=silent)).doors


class TestTheList:
    """A workload that is added to the list is found wherever the list is asked; tests/unit/test_program.py has the
    resources, test_containers_page.py the documentation."""

    @staticmethod
    def echo(settings: Settings) -> Workload:
        return Workload(
            name=f"{settings.stack}-echo",
            service="echo",
            purpose="says everything twice",
            image="example.com/echo:1@sha256:" + "0" * 64,
            user="1:1",
            networks=(attach(settings, "egress"),),
            listens=(Listen(port=7, needed_by=frozenset({"api-blue"}), why="to hear oneself", wider="to hear others"),),
            resources=Resources(memory=1, cpus=Decimal(1), pids=1),
            health=HealthCheck(test=("CMD", "true"), interval=1, timeout=1, retries=1),
        )

    def test_it_is_found_in_the_matrix(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(the_list, "SERVICES", {**the_list.SERVICES, "echo": self.echo})
        whole = stack(dev())
        assert "dev-echo" in {workload.name for workload in whole.workloads}
        assert whole.may_open("ollama-init", "echo", 7)
        assert whole.may_open("echo", "api-blue", 8000)
        assert not whole.may_open("echo", "ollama", 11434)

    @pytest.mark.parametrize("config", [{}, {"models": {"mirror": "local"}}])
    def test_each_comes_behind_what_it_depends_on(self, config: dict[str, Any]) -> None:
        whole = stack(dev(**config))
        before: set[str] = set()
        for workload in whole.workloads:
            assert {needed.service for needed in workload.depends_on} <= before, workload.name
            before.add(workload.service)


class TestDefaults:
    BASE = Workload(
        name="x",
        service="x",
        purpose="x",
        image="x",
        user="1:1",
        networks=(),
        resources=Resources(memory=1, cpus=Decimal(1), pids=1),
        health=HealthCheck(test=("CMD", "true"), interval=1, timeout=1, retries=1),
    )

    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            ({"user": "0:0"}, "non-root"),
            ({"user": "root"}, "non-root"),
            ({"user": ""}, "non-root"),
            ({"read_only": False}, "read-only"),
            ({"health": None}, "health-check"),
            ({"restart": "no", "advice": "Try again."}, "restart"),
            ({"capabilities": Capabilities(add=("CAP_NET_RAW",))}, "capabilities"),
            ({"security_options": ()}, "no-new-privileges"),
            ({"log": Log(max_files=0)}, "log-limit"),
        ],
    )
    def test_none_is_dropped_without_a_reason(self, change: dict[str, Any], rule: Any) -> None:
        with pytest.raises(ValueError, match=rule):
            replace(self.BASE, **change)
        allowed = replace(self.BASE, **change, exemptions=(Exemption(rule=rule, reason="because"),))
        assert allowed.exemptions[0].rule == rule

    def test_an_exemption_that_is_not_used_is_refused(self) -> None:
        with pytest.raises(ValueError, match="does not use"):
            replace(self.BASE, exemptions=(Exemption(rule="read-only", reason="once upon a time"),))

    def test_the_exemptions_of_the_stack(self) -> None:
        """All of them, each with its reason: a new one has to be written down here too."""
        found = {
            (workload.name, exemption.rule): exemption.reason
            for workload in stack(read_stack("prod")).workloads
            for exemption in workload.exemptions
        }
        root = "the official image keeps its data in /root/.ollama; uid 0 here holds no capability and cannot gain one"
        own = "any image will do, so the check is the image's own; the gate asks the readiness path"
        assert found == {
            ("prod-ollama", "non-root"): root,
            ("prod-ollama-init", "non-root"): root,
            ("prod-ollama-init", "health-check"): "it runs to its end; its exit code is the answer",
            ("prod-ollama-init", "restart"): "a failed pull fails the update, which says why and runs it again",
            ("prod-cadvisor", "non-root"): "the engine's socket and the counters of other containers belong to uid 0",
            ("prod-cadvisor", "capabilities"): "CAP_SYSLOG: the kernel's log says which process it killed for memory",
            ("prod-cadvisor", "host-paths"): "it reads all counters from the host, and names from the engine's socket: "
            "who rules this container rules the host, so it is on the network of the monitoring alone",
            ("prod-collector", "non-root"): "the engine's log files belong to uid 0, which here holds no capability",
            ("prod-collector", "host-paths"): "it reads the engine's log files, where every container's lines are",
            (
                "prod-collector",
                "health-check",
            ): "the published image holds the collector alone, with nothing to ask it; Prometheus does",
            ("prod-victorialogs", "non-root"): "a new volume belongs to uid 0, which here holds no capability",
            ("prod-api-blue", "health-check"): own,
            ("prod-api-green", "health-check"): own,
        }


class TestRelease:
    def test_blue_and_green_of_one_release_have_the_same_id(self) -> None:
        settings = dev(api={"replicas": 2})
        ids = {work.labels["orca.release"] for colour in COLOURS for work in api.colour_workloads(settings, colour)}
        assert ids == {api.current_release(settings)}

    def test_a_field_of_a_later_version_counts_once_it_has_a_value(self) -> None:
        """A stack of an earlier version keeps its release."""
        (work,) = api.colour_workloads(dev(), "blue")
        assert release(replace(work, gpus=""), 1) == release(work, 1)
        assert release(replace(work, gpus="all"), 1) != release(work, 1)
        exempt = (*work.exemptions, Exemption(rule="host-paths", reason="a GPU"))
        one, other = (replace(work, devices=(path,), exemptions=exempt) for path in ("/dev/kfd", "/dev/dri"))
        assert release(one, 1) != release(other, 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"IMAGE_TAG": "2"},
            {"api": {"env": {"A": "1"}}},
            {"api": {"memory": "256M"}},
            {"api": {"replicas": 2}},
            {"api": {"egress": False}},
            {"api": {"user": "5:5"}},
        ],
    )
    def test_any_change_of_what_runs_is_a_new_release(self, change: dict[str, Any]) -> None:
        assert api.current_release(dev(**change)) != api.current_release(dev())

    @pytest.mark.parametrize(
        "change",
        [
            {"network": {"cidr": "10.99.0.0/20"}},
            {"edge": {"readTimeout": "1s"}},
            {"rollout": {"watch": "1s"}},
            {"OLLAMA_MODELS": ["other:1"]},
        ],
    )
    def test_nothing_else_is(self, change: dict[str, Any]) -> None:
        assert api.current_release(dev(**change)) == api.current_release(dev())

    @pytest.mark.parametrize(
        "change",
        [
            lambda work: replace(work, name="other"),
            lambda work: replace(work, labels={**work.labels, "orca.colour": "green"}),
            lambda work: replace(work, networks=(replace(work.networks[0], address=IPv4Address(9)),)),
        ],
    )
    def test_name_colour_and_address_are_no_part_of_it(self, change: Callable[[Workload], Workload]) -> None:
        (blue,) = api.colour_workloads(dev(), "blue")
        one = replace(blue, networks=blue.networks[:1])
        assert release(change(one), 1) == release(one, 1)

    def test_words_for_people_are_no_part_of_it(self) -> None:
        (blue,) = api.colour_workloads(dev(), "blue")
        assert release(replace(blue, purpose="another", listens=(), depends_on=()), 1) == release(blue, 1)

    @pytest.mark.parametrize("value", [SecretStr("a"), object(), b"a", 1.5, {1: "a"}, [SecretStr("a")]])
    def test_what_cannot_be_told_apart_has_no_digest(self, value: Any) -> None:
        """The text of a secret is the same for every secret."""
        with pytest.raises(TypeError, match="cannot be"):
            digest({"x": value})

    def test_types_are_told_apart(self) -> None:
        values = [1, "1", True, None, Decimal(1), IPv4Address("0.0.0.1"), [1], {"1": 1}]
        assert len({digest(value) for value in values}) == len(values)
