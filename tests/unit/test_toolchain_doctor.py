"""What the toolchain takes for missing, and which engine it takes for the user's own."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import images
from tools.toolchain import docker_cli, doctor, paths, registries

ROOT = Path(__file__).parent.parent.parent
FAR = "ssh://deploy@llm-1.example.com"
BUILT = set(images.NAMES) - images.ON_DEMAND


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(paths, "CHECKOUT", tmp_path)
    return tmp_path


def configured(checkout: Path, *lines: str, stack: str = "dev") -> None:
    (checkout / f"Pulumi.{stack}.yaml").write_text("\n".join(["config:", *lines, ""]))


@pytest.mark.parametrize("there", [BUILT, BUILT | {"lego"}])
def test_what_the_setup_has_built_is_enough(there: set[str]) -> None:
    found = doctor._images(there)
    assert (found.state, set(found.found.split(", "))) == ("ok", there)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_an_image_that_the_setup_should_have_built_is_missing(name: str) -> None:
    assert set(images.NAMES) - images.ON_DEMAND == BUILT
    found = doctor._images(BUILT - {name})
    assert (found.state, found.found) == ("missing", f"without {name}")
    assert "setup" in found.advice


def test_the_ports_are_those_of_the_dev_stack(checkout: Path) -> None:
    assert doctor._ports() == [8080, 8443, 9080]
    configured(checkout, "  orca-agents:edge:", "    httpPort: 9180", "    httpsPort: 9443")
    assert doctor._ports() == [9180, 9443, 9080]
    configured(checkout, "  orca-agents:edge:", "    httpsPort: 9443")
    assert doctor._ports() == [8080, 9443, 9080]
    configured(checkout, "  orca-agents:pages:", "    port: 9555")
    assert doctor._ports() == [8080, 8443, 9555]


@pytest.mark.parametrize("key", ["orca-agents:dockerHost", "dockerHost", '"dockerHost"'])
def test_this_machines_engine_is_not_asked_for_a_dev_stack_elsewhere(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the local engine was asked")

    configured(checkout, f"  {key}: {FAR}")
    for file in ROOT.glob("requirements*"):
        shutil.copy(file, checkout)
    monkeypatch.setattr(docker_cli, "ask", asked)
    monkeypatch.setattr(docker_cli, "running", asked)
    monkeypatch.setattr(doctor, "exists", asked)
    monkeypatch.setattr(registries, "reachable", lambda: {"Pulumi's downloads": True})
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["docker engine"].state == "note"
    assert FAR in found["docker engine"].found
    assert not {"images", "port 8080"} & found.keys()


def commands(checkout: Path, *words: str) -> str:
    """What a target would run."""
    shutil.copy(ROOT / "Makefile", checkout)
    return subprocess.run(
        ["make", "-n", *words], cwd=checkout, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.mark.parametrize(
    ("stack", "lines", "sets_up_engine", "stops_engine"),
    [
        ("dev", [], True, True),
        ("dev", [f"  orca-agents:dockerHost: {FAR}"], False, False),
        ("dev", [f"  dockerHost: {FAR}"], False, False),
        ("prod", [], False, True),
        ("prod", [f"  orca-agents:dockerHost: {FAR}"], False, False),
    ],
)
def test_the_engine_of_this_machine_is_for_stacks_of_this_machine(
    tmp_path: Path, stack: str, lines: list[str], sets_up_engine: bool, stops_engine: bool
) -> None:
    configured(tmp_path, *lines, stack=stack)
    assert ("--tools-only" not in commands(tmp_path, "up", f"STACK={stack}")) == sets_up_engine
    assert ("toolchain stop" in commands(tmp_path, "down", f"STACK={stack}")) == stops_engine


@pytest.mark.parametrize(
    ("user", "chosen", "said"),
    [
        ({}, None, None),
        ({}, "default", None),
        ({"DOCKER_HOST": FAR}, "far", f"DOCKER_HOST is {FAR}"),
        ({"DOCKER_CONTEXT": "far"}, None, "the docker context is far"),
        ({"DOCKER_CONTEXT": "default"}, "far", None),
        ({}, "far", "the docker context is far"),
    ],
)
def test_how_the_user_names_an_engine(
    tmp_path: Path, user: dict[str, str], chosen: str | None, said: str | None
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": chosen} if chosen else {}))
    assert docker_cli.named({"DOCKER_CONFIG": str(tmp_path), **user}) == said


def test_a_chosen_context_is_handed_to_programs_that_know_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside an engine at the default socket, which would be asked instead."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_cli, "DEFAULT_SOCKET", tmp_path)
    user = {"DOCKER_CONFIG": str(tmp_path)}
    assert docker_cli.host_to_set(user) is None
    subprocess.run(["docker", "context", "create", "far", "--docker", f"host={FAR}"], check=True, capture_output=True)
    subprocess.run(["docker", "context", "use", "far"], check=True, capture_output=True)
    assert docker_cli.host_to_set(user) == FAR
