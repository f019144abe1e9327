"""What the containers may do, and whom they can reach, on the running stack."""

from collections.abc import Iterator
from typing import Any, ClassVar

import docker
import pytest
from docker.models.containers import Container

from settings import load
from tests.integration.conftest import CONFIG, PLACE
from tools.lab.project import Project
from workloads.stack import OUTSIDE
from workloads.stack import stack as everything

SERVICES = ("nginx", "ollama", "api-blue", "model-mirror")
PROBE = "exec 3<>/dev/tcp/$0/$1"


def container(engine: docker.DockerClient, service: str) -> Container:
    return engine.containers.get(f"{PLACE.name}-{service}")


def inspect(engine: docker.DockerClient, service: str) -> dict[str, Any]:
    found: dict[str, Any] = container(engine, service).attrs
    return found


@pytest.mark.usefixtures("stack")
class TestEveryContainer:
    @pytest.mark.parametrize("name", SERVICES)
    def test_is_hardened(self, engine: docker.DockerClient, name: str) -> None:
        attrs = inspect(engine, name)
        host = attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert [cap.removeprefix("CAP_") for cap in host["CapDrop"]] == ["ALL"]
        assert not host["CapAdd"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert not host["Privileged"]
        assert host["Memory"] > 0
        assert host["MemorySwap"] == host["Memory"]
        assert host["NanoCpus"] > 0
        assert host["PidsLimit"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        said_by = {"labels": "orca.colour,orca.release"} if name.startswith("api-") else {}
        assert host["LogConfig"] == {
            "Type": "json-file",
            "Config": {"max-size": "10m", "max-file": "5", "tag": "{{.Name}}", **said_by},
        }
        assert attrs["Config"]["Healthcheck"]["Test"]

    @pytest.mark.parametrize("name", SERVICES)
    def test_runs_as_nobody_special(self, engine: docker.DockerClient, name: str) -> None:
        user = inspect(engine, name)["Config"]["User"]
        assert (user == "0:0") == (name == "ollama"), "the one exemption has its reason in workloads/ollama.py"

    def test_only_the_edge_publishes(self, engine: docker.DockerClient) -> None:
        published = {
            str(container.name): sorted(
                f"{binding['HostIp']}:{binding['HostPort']}"
                for bindings in container.attrs["NetworkSettings"]["Ports"].values()
                for binding in bindings or []
            )
            for container in engine.containers.list(ignore_removed=True)
            if str(container.name).startswith(f"{PLACE.name}-")
        }
        assert {name: ports for name, ports in published.items() if ports} == {
            f"{PLACE.name}-nginx": [f"127.0.0.1:{PLACE.http}", f"127.0.0.1:{PLACE.https}"]
        }

    def test_departs_from_a_default_only_with_a_reason(self, engine: docker.DockerClient) -> None:
        """Every container of the stack, also those that have ended; what was never started runs nothing."""
        reasons = {
            work.name: {exemption.rule: exemption.reason for exemption in work.exemptions}
            for work in everything(load(PLACE.name, CONFIG)).workloads
        }
        found = {
            str(container.name): departures(container.attrs)
            for container in engine.containers.list(all=True, filters={"name": f"^/{PLACE.name}-"}, ignore_removed=True)
            if container.attrs["State"]["StartedAt"] != NEVER_STARTED
        }
        assert set(found) <= set(reasons)
        for name, rules in found.items():
            assert rules <= set(reasons[name]), f"{name} departs from {rules - set(reasons[name])}"
        assert {name: rules for name, rules in found.items() if rules} == {
            f"{PLACE.name}-ollama": {"non-root"},
            f"{PLACE.name}-ollama-init": {"non-root", "restart"},  # the image built here brings a health check
        }


NEVER_STARTED = "0001-01-01T00:00:00Z"


def departures(attrs: dict[str, Any]) -> set[str]:
    """The secure defaults that a container does not have, by what the engine says of it."""
    found = {
        "non-root": attrs["Config"]["User"].split(":")[0] in ("", "0", "root"),
        "read-only": not attrs["HostConfig"]["ReadonlyRootfs"],
        "health-check": not (attrs["Config"].get("Healthcheck") or {}).get("Test"),
        "restart": attrs["HostConfig"]["RestartPolicy"]["Name"] in ("", "no"),
    }
    return {rule for rule, departs in found.items() if departs}


@pytest.fixture(scope="class")
def both_colours(stack: Project) -> Iterator[None]:
    """A second release, so that there are two colours to reach; the first one is made live again afterwards."""
    stack.write({**CONFIG, "api": {"env": {"SECOND": "1"}}})
    stack.up()
    yield
    stack.write(CONFIG)
    stack.up()


class TestReach:
    """The matrix of workloads/stack.py, opened port by port, from inside every container and from outside."""

    # Opens each `address:port` it is given, all at once, and prints those that could be opened.
    SCRIPT = (
        'for door; do (timeout 3 bash -c "exec 3<>/dev/tcp/${door/:/\\/}" 2>/dev/null && echo "$door") & done; wait'
    )
    SERVICES = ("nginx", "api-blue", "api-green", "ollama", "model-mirror")
    # Who can be asked only in its place: by a container on the same networks.
    ELSEWHERE: ClassVar[dict[str, str]] = {"ollama-init": f"{PLACE.name}-egress", OUTSIDE: "bridge"}

    @pytest.fixture
    def addresses(self, engine: docker.DockerClient, both_colours: None) -> dict[str, str]:
        """Each address of each service, to its name."""
        del both_colours
        return {
            network["IPAddress"]: service
            for service in self.SERVICES
            for network in inspect(engine, service)["NetworkSettings"]["Networks"].values()
        }

    def opened(self, engine: docker.DockerClient, network: str, targets: list[str]) -> list[str]:
        """Which of these `address:port` can be opened by a container on that network, or in that one's place."""
        found: bytes = engine.containers.run(
            inspect(engine, "nginx")["Config"]["Image"],
            ["-c", self.SCRIPT, "probe", *targets],
            entrypoint=["bash"],
            user="101",
            name=f"{PLACE.name}-probe",
            network_mode=network,
            remove=True,
        )
        return found.decode().split()

    @pytest.mark.parametrize("source", [*SERVICES, *ELSEWHERE])
    def test_is_what_the_matrix_says(self, engine: docker.DockerClient, addresses: dict[str, str], source: str) -> None:
        settings = load(PLACE.name, CONFIG)
        ports = {door.port for door in everything(settings).doors}
        targets = [f"{ip}:{port}" for ip, service in addresses.items() for port in ports if service != source]
        place = self.ELSEWHERE.get(source, f"container:{PLACE.name}-{source}")
        opened = {tuple(target.split(":")) for target in self.opened(engine, place, targets)}
        found = {(addresses[ip], int(port)) for ip, port in opened}
        declared = {(door.to, door.port) for door in everything(settings).doors if source in door.open_to}
        assert found == {(to, port) for to, port in declared if to in self.SERVICES}


@pytest.mark.usefixtures("stack")
class TestOllama:
    """The model server asks no one for a password, so it is kept from reaching out as well."""

    def test_has_no_way_out(self, engine: docker.DockerClient) -> None:
        """Not even to another container of this host: the mirror listens on a network that has a way out."""
        networks = inspect(engine, "model-mirror")["NetworkSettings"]["Networks"]
        mirror = networks[f"{PLACE.name}-egress"]["IPAddress"]
        probe = ["timeout", "4", "bash", "-c"]
        there = container(engine, "model-mirror").exec_run([*probe, PROBE, mirror, "5000"])
        assert there.exit_code == 0
        from_ollama = container(engine, "ollama").exec_run([*probe, PROBE, mirror, "5000"])
        assert from_ollama.exit_code != 0
