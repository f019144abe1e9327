"""The policy pack under the CLI: planted mistakes, excuses, packs that do not start, the program's own containers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.policy import pack
from ops.pulumi import PulumiFailed
from policy.rules import RULES
from tests.unit.test_policy import GOOD, MISTAKES
from tools.lab.place import place
from tools.lab.project import Project, whole

PLACE = place("itg")
# Each container has one mistake, and the name of its rule. `late` has inputs that no preview knows.
PROGRAM = """
import json
from pathlib import Path
import pulumi, pulumi_docker as docker

for name, inputs in json.loads(Path("planted.json").read_text()).items():
    docker.Container(name, **inputs)
network = docker.Network("network")
late = json.loads(Path("good.json").read_text())
docker.Container("late", **{**late, "name": "late", "envs": [network.id], "user": network.id})
docker.RemoteImage("image", name="nginx:latest")
"""


def pythonic(properties: dict[str, Any]) -> dict[str, Any]:
    """A container's inputs by the names of the provider's Python package."""
    return {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in properties.items() if value is not None}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A program with one container for each rule, which breaks it; made by hand, without this project's components."""
    made = Project(tmp_path_factory.mktemp("policy"), PLACE.name, whole(PLACE))
    mistakes = {rule: {**GOOD, "name": rule, **change} for rule, change in reversed(MISTAKES)}
    (made.folder / "planted.json").write_text(json.dumps({name: pythonic(found) for name, found in mistakes.items()}))
    (made.folder / "good.json").write_text(json.dumps(pythonic(GOOD)))
    made.pulumi("stack", "init")
    assert made.deploy("preview").returncode == 0, "the program's own containers"
    (made.folder / "__main__.py").write_text(PROGRAM)
    return made


def test_each_planted_mistake_is_found_by_its_rule(project: Project) -> None:
    found = project.deploy("preview", check=False)
    assert found.returncode == 1
    said = found.stdout + found.stderr
    for rule in RULES:
        assert re.search(rf"\[mandatory\] +{rule.name} +\(docker:index:Container: {rule.name}\)", said), rule.name
        assert re.search(rf"^ *{re.escape(rule.why)}\n *{rule.name}: ", said, re.MULTILINE), rule.name
    assert "[mandatory]  pinned-image  (docker:index:RemoteImage: image)" in said
    assert said.count("[mandatory]") == len(RULES) + 1
    assert "late:" not in said


def test_an_excuse_in_the_stacks_file_lets_it_through(project: Project) -> None:
    written = project.file.read_text()
    names = [*(rule.name for rule in RULES), "image"]
    excused = [{"rule": rule, "resource": rule, "why": "a test"} for rule in names]
    config = yaml.safe_load(written)
    config["config"]["policy:excuses"] = [*excused, {"rule": "pinned-image", "resource": "image", "why": "a test"}]
    project.file.write_text(yaml.safe_dump(config))
    try:
        found = project.deploy("preview", check=False)
    finally:
        project.file.write_text(written)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("import nothing_like_it", "nothing_like_it"), ("import time; time.sleep(60)", "it said nothing")],
)
def test_a_pack_that_does_not_start_is_named_in_time(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "__main__.py").write_text(text)
    with pytest.raises(PulumiFailed, match=said), pack(tmp_path / "policy", patience=5):
        pass
