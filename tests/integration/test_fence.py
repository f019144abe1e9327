"""What the containers may do, and whom they can reach, on the running stack."""

from typing import Any

import docker
import pytest

SERVICES = ("it-nginx", "it-ollama", "it-api-blue", "it-model-mirror")
PROBE = "exec 3<>/dev/tcp/$0/$1"


def inspect(engine: docker.DockerClient, name: str) -> dict[str, Any]:
    found: dict[str, Any] = engine.containers.get(name).attrs
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
        assert host["LogConfig"] == {
            "Type": "json-file",
            "Config": {"max-size": "10m", "max-file": "5", "tag": "{{.Name}}"},
        }
        assert attrs["Config"]["Healthcheck"]["Test"]

    @pytest.mark.parametrize("name", SERVICES)
    def test_runs_as_nobody_special(self, engine: docker.DockerClient, name: str) -> None:
        user = inspect(engine, name)["Config"]["User"]
        assert (user == "0:0") == (name == "it-ollama"), "the one exemption has its reason in workloads/ollama.py"

    def test_only_the_edge_publishes(self, engine: docker.DockerClient) -> None:
        published = {
            str(container.name): sorted(
                f"{binding['HostIp']}:{binding['HostPort']}"
                for bindings in container.attrs["NetworkSettings"]["Ports"].values()
                for binding in bindings or []
            )
            for container in engine.containers.list()
            if str(container.name).startswith("it-")
        }
        assert {name: ports for name, ports in published.items() if ports} == {
            "it-nginx": ["127.0.0.1:18080", "127.0.0.1:18443"]
        }


@pytest.mark.usefixtures("stack")
class TestOllama:
    """Nobody but the API reaches the model server, which asks no one for a password."""

    @pytest.fixture
    def address(self, engine: docker.DockerClient) -> str:
        found: str = inspect(engine, "it-ollama")["NetworkSettings"]["Networks"]["it-model"]["IPAddress"]
        return found

    def reaches(self, engine: docker.DockerClient, network: str, address: str, port: int) -> bool:
        """Whether a container on that network alone can open a connection."""
        image = inspect(engine, "it-nginx")["Config"]["Image"]
        container = engine.containers.run(
            image,
            ["timeout", "4", "bash", "-c", PROBE, address, str(port)],
            entrypoint=[],
            user="101",
            network=network,
            detach=True,
            name="it-probe",
        )
        try:
            return bool(container.wait(timeout=30)["StatusCode"] == 0)
        finally:
            container.remove(force=True)

    @pytest.mark.parametrize("network", ["it-edge", "it-app-network", "it-egress", "bridge"])
    def test_is_out_of_reach(self, engine: docker.DockerClient, address: str, network: str) -> None:
        assert not self.reaches(engine, network, address, 11434)

    def test_is_in_reach_of_the_model_network(self, engine: docker.DockerClient, address: str) -> None:
        assert self.reaches(engine, "it-model", address, 11434)

    def test_has_no_way_out(self, engine: docker.DockerClient) -> None:
        """Not even to another container of this host: the mirror listens on a network that has a way out."""
        networks = inspect(engine, "it-model-mirror")["NetworkSettings"]["Networks"]
        mirror = networks["it-egress"]["IPAddress"]
        result = engine.containers.get("it-ollama").exec_run(["timeout", "4", "bash", "-c", PROBE, mirror, "5000"])
        assert result.exit_code != 0
        assert self.reaches(engine, "it-egress", mirror, 5000)
