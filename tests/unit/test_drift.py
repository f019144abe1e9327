"""What a host has beside the last update, by an engine's answers; tests/faults/test_drift.py mends a real host."""

import base64
import io
import tarfile
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from engine.address import Address
from engine.arguments import VARIABLE, Configure, Ready, write
from ops.drift.deployed import Deployed, of_resources
from ops.drift.findings import Finding, findings
from ops.drift.flip import flips
from rollout.arguments import Asked, Place, Release, Terms
from rollout.journal import Journal
from rollout.state import State

IMAGE = "nginx:1"
CONTAINER, NETWORK = "docker:index/container:Container", "docker:index/network:Network"
COMMAND = "command:local:Command"
RELEASE = Release(
    place=Place(edge="x-nginx", service="x-api"),
    target="blue",
    release="r",
    generation=1,
    attempt=1,
    manual=False,
    terms=Terms(passes=1, watch=0, error_ratio=0.1),
    gate_timeout=1,
    pids=9,
    asked=Asked(server="x-ollama", first="a:1"),
)
CARRIER = {
    "name": "x-rules-files",
    "image": IMAGE,
    "mustRun": False,
    "uploads": [
        {"file": "/files/rules/api.yml", "content": "a"},
        {"file": "/files/key", "contentBase64": base64.b64encode(b"\xff").decode()},
    ],
}
WANTED = of_resources(
    "x",
    [
        {"type": CONTAINER, "id": "1", "inputs": {"name": "x-app", "image": IMAGE, "restart": "unless-stopped"}},
        {"type": CONTAINER, "id": "2", "inputs": CARRIER},
        {"type": NETWORK, "id": "3", "inputs": {"name": "x-inner", "internal": True}},
        {"type": NETWORK, "id": "4", "inputs": {"name": "x-outer"}},
    ],
    {},
)
FILES = {"files/rules/api.yml": b"a", "files/key": b"\xff", "files/releases/before/nginx.conf": b"old"}


class Engine:
    """An engine's answers for the containers and networks of WANTED; `app` changes the first container's."""

    def __init__(self, app: dict[str, Any], files: dict[str, bytes], *, internal: bool = True) -> None:
        self.files = files
        self.there = {
            "x-app": self._container("1", app),
            "x-rules-files": self._container("2", {"RestartPolicy": "no"}),
        }
        made = [("x-inner", internal), ("x-outer", False)]
        joined = {"1": {"Name": "x-app"}}
        networks = {
            name: SimpleNamespace(id=name, name=name, attrs={"Internal": inner, "Containers": joined})
            for name, inner in made
        }
        self.networks = SimpleNamespace(list=networks.values, get=networks.__getitem__)
        self.containers = SimpleNamespace(get=self.there.__getitem__)
        self.volumes = SimpleNamespace(list=list)
        image = SimpleNamespace(attrs={"Config": {}})
        self.images = SimpleNamespace(get=lambda _: image)

    def _container(self, found: str, change: dict[str, Any]) -> Any:
        policy = {"Name": change.pop("RestartPolicy", "unless-stopped")}
        host = {"ReadonlyRootfs": False, "Privileged": False, "CpuShares": 0, "RestartPolicy": policy} | change
        config = {"Image": IMAGE, "Env": [], "User": "", "Cmd": []}
        attrs = {"Config": config, "HostConfig": host, "Image": "i", "NetworkSettings": {"Networks": {}}}
        return SimpleNamespace(id=found, status="running", attrs=attrs, get_archive=self._archive)

    def _archive(self, _: str) -> tuple[list[bytes], None]:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, content in self.files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return [packed.getvalue()], None


def look(app: dict[str, Any] | None = None, files: dict[str, bytes] | None = None, **networks: bool) -> list[Finding]:
    engine = Engine(app or {}, FILES | (files or {}), **networks)
    return findings(WANTED, cast(docker.DockerClient, engine), Address("ssh://far"))


def test_a_host_as_the_update_left_it_has_no_finding() -> None:
    assert look() == []
    assert look({"CpuShares": 1024}) == []


def test_a_container_that_is_stopped_is_found_after_a_refresh_too() -> None:
    """A refresh notes `mustRun: false` for it, as the program does for what is never to run."""
    app = {"name": "x-app", "image": IMAGE, "restart": "unless-stopped", "mustRun": False}
    init = {"name": "x-init", "image": IMAGE, "restart": "no", "mustRun": False}
    inputs = {"1": app, "2": CARRIER, "3": init}
    wanted = of_resources("x", [{"type": CONTAINER, "id": key, "inputs": found} for key, found in inputs.items()], {})
    engine = Engine({}, FILES)
    engine.there["x-init"] = engine._container("3", {"RestartPolicy": "no"})
    for container in engine.there.values():
        container.status = "exited"
    (found,) = findings(wanted, cast(docker.DockerClient, engine), Address("ssh://far"))
    assert (found.kind, found.what) == ("stopped", "x-app is exited")
    assert list(found.mend) == ["docker --host ssh://far start x-app"]


@pytest.mark.parametrize(
    ("change", "said", "option"),
    [
        ({"RestartPolicy": "no"}, "RestartPolicy no in place of unless-stopped", "--restart unless-stopped"),
        ({"RestartPolicy": ""}, "RestartPolicy no in place of unless-stopped", "--restart unless-stopped"),
        ({"CpuShares": 2}, "CpuShares 2 in place of 1024", "--cpu-shares 1024"),
    ],
)
def test_what_an_update_by_hand_changes_is_a_limit(change: dict[str, Any], said: str, option: str) -> None:
    (found,) = look(change)
    assert (found.kind, found.what) == ("limits", f"x-app has {said}")
    (command,) = found.mend
    assert command.startswith("docker --host ssh://far update ")
    assert option in command
    assert ("--cpu-shares" in command) == ("CpuShares" in change), "a refresh would see a weight where there was none"


def test_the_limit_of_processes_is_that_of_the_step_behind_a_container() -> None:
    """A service has a step of its own, both colours share one."""
    steps: list[Any] = [
        Ready(container="x-app", pids=7, test=(), timeout=0),
        RELEASE,
        Configure(container="x-nginx", config="c"),
    ]
    names = ["x-app", "x-nginx", "x-api-blue", "x-api-green", "x-api-green-2", "x-api-before"]
    found = of_resources(
        "x",
        [
            *({"type": CONTAINER, "id": name, "inputs": {"name": name}} for name in names),
            *({"type": COMMAND, "id": "s", "inputs": {"environment": {VARIABLE: write(step)}}} for step in steps),
        ],
        {"live": "blue"},
    )
    assert found.pids == {"x-app": 7} | dict.fromkeys(["x-api-blue", "x-api-green", "x-api-green-2"], 9)


def test_a_file_beside_those_of_the_program_is_found() -> None:
    (found,) = look(files={"files/rules/by hand.yml": b"groups: []"})
    assert (found.kind, found.what) == (
        "file",
        "in the volume x-rules, rules/by hand.yml was added by hand, or the last update no longer needs it",
    )
    (command,) = found.mend
    assert command.endswith(f"--volume x-rules:/files --entrypoint rm {IMAGE} '/files/rules/by hand.yml'")


def test_a_file_of_bytes_that_differs_is_found() -> None:
    (found,) = look(files={"files/key": b"\xfe"})
    assert found.what == "in the volume x-rules, key differs or is missing"


def test_an_inner_network_that_is_open_is_found() -> None:
    (found,) = look(internal=False)
    assert found.kind == "changed"
    assert found.what.startswith("the network x-inner is not internal")
    assert list(found.mend) == [
        "docker --host ssh://far network disconnect --force x-inner x-app",
        "docker --host ssh://far network rm x-inner",
        "pulumi up --refresh --stack x",
    ]


UP = "pulumi up --refresh --stack x"
ALLOW = "python -m rollout allow r2 --stack x"
BLUE = Journal().flipped("blue", "r1", "release", "t")
GREEN = BLUE.flipped("green", "r2", "release", "t")
ROLLED_BACK = GREEN.flipped("blue", "r1", "by hand", "t").reject("r2", "rolled back by hand", "t")


@pytest.mark.parametrize(
    ("live", "journal", "said", "mend"),
    [
        (("green", "r2"), GREEN, [], []),
        (("blue", "r1"), GREEN, ["green is live, and the last update made blue live"], [UP]),
        (("green", "r2"), ROLLED_BACK, ["with release r2, which is rejected: rolled back by hand."], [UP, ALLOW, UP]),
        (("blue", "r1"), GREEN.at_phase("watching", "green", "t"), ["not finished", "same command again"], [UP]),
        (("blue", "r0"), GREEN.reject("r1", "bad", "t"), ["the last update made blue live"], [UP]),
    ],
    ids=["as it was", "by hand", "rolled back", "cut off in its watch", "another one is rejected"],
)
def test_the_mend_of_a_flip_is_no_update_that_would_be_refused(
    live: tuple[str, str], journal: Journal, said: list[str], mend: list[str]
) -> None:
    wanted = of_resources("x", [], {"live": live[0], "release": live[1]})
    found = flipped(wanted, journal)
    assert [text for text in said if text not in found[0][0]] == []
    assert [command for _, commands in found for command in commands if command[0] != "#"] == mend


def test_a_damaged_journal_is_mended_before_the_update_that_would_be_refused() -> None:
    found = flipped(of_resources("x", [], {"live": "green", "release": "r2"}), None, "the journal is damaged")
    assert [commands for _, commands in found] == [["python -m rollout repair --stack x"], [UP]]


def flipped(wanted: Deployed, journal: Journal | None, damage: str = "") -> list[tuple[str, list[str]]]:
    live = journal.live if journal and journal.live else "blue"
    return list(flips(wanted, State(where="x", marker=live, journal=journal, token="t", damage=damage), UP))
