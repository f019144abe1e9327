"""What somebody does to a host by hand, found by `python -m ops drift`, and mended by the commands that it prints."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from engine.ready import limit_pids
from ops.drift import FOUND
from ops.drift.deployed import CONTAINER, NETWORK
from tests.faults.conftest import FIRST
from tools.lab.stack import SmallStack
from tools.lab.sweep import sweep

Harm = Callable[[SmallStack], object]


def _remove_idle(stack: SmallStack) -> None:
    stack.container(f"api-{stack.idle}").remove(force=True)


def _stop_edge(stack: SmallStack) -> None:
    stack.container("nginx").stop(timeout=5)


def _loosen(stack: SmallStack) -> None:
    live = stack.container(f"api-{stack.live}")
    live.update(mem_limit="128m", memswap_limit="128m", restart_policy={"Name": "on-failure"})
    limit_pids(stack.engine, live, 4096)


def _recreate(stack: SmallStack) -> None:
    """As `docker run` with one more variable does it: the name and the image are the same."""
    idle = stack.container(f"api-{stack.idle}")
    (network,) = (name for name in idle.attrs["NetworkSettings"]["Networks"] if name.endswith("app-network"))
    config, name = idle.attrs["Config"], idle.name
    idle.remove(force=True)
    made = stack.engine.containers.run(
        config["Image"], name=name, environment=[*config["Env"], "DEBUG=1"], labels=config["Labels"], detach=True
    )
    stack.engine.networks.get(network).connect(made)


def _flip(stack: SmallStack) -> None:
    done = stack.rollout("flip", "--to", stack.idle)
    assert done.returncode == 0, done.stderr


def _roll_back(stack: SmallStack) -> None:
    """An update of the rejected release would be refused."""
    done = stack.rollout("rollback")
    assert done.returncode == 0, done.stderr


def _edit_file(stack: SmallStack) -> None:
    stack.engine.containers.run(
        stack.container("nginx").attrs["Config"]["Image"],
        entrypoint=["sh", "-c"],
        command=["for file in /v/releases/*/nginx.conf; do echo '# by hand' >>$file; done"],
        user="0",
        volumes={f"{stack.name}-edge-config": {"bind": "/v", "mode": "rw"}},
        remove=True,
    )


def _intrude(stack: SmallStack) -> None:
    image = stack.container("nginx").attrs["Config"]["Image"]
    stack.engine.containers.run(
        image,
        name=f"{stack.name}-stranger",
        entrypoint=["sleep", "600"],
        network=f"{stack.name}-app-network",
        detach=True,
    )


# Together where one does not hide the other, since each update takes its time.
@pytest.mark.parametrize(
    "harms",
    [
        {"gone": _remove_idle, "limits": _loosen, "file": _edit_file, "foreign": _intrude},
        {"stopped": _stop_edge, "changed": _recreate},
        {"flip": _flip},
        {"flip": _roll_back},
    ],
    ids="-".join,
)
def test_it_is_found_named_and_mended(pair: SmallStack, harms: dict[str, Harm]) -> None:
    before = look(pair)
    assert before.returncode == 0, before.stdout + before.stderr
    for harm in harms.values():
        harm(pair)
    try:
        found = look(pair)
        assert found.returncode == FOUND, found.stdout + found.stderr
        assert sorted(re.findall("^([a-z]+): ", found.stdout, re.MULTILINE)) == sorted(harms)
        for command in commands(found.stdout):
            yes = " --yes --skip-preview --non-interactive" if command.startswith("pulumi up") else ""
            pair.run("sh", "-c", command + yes)
        after = look(pair)
        assert after.returncode == 0, after.stdout + after.stderr
    finally:
        sweep(pair.engine, f"{pair.name}-stranger")
    assert pair.versions()[pair.live] == pair.version


def test_a_state_that_is_older_than_the_host_is_brought_up_to_it(pair: SmallStack) -> None:
    """A copy of the state was put back after two releases, which have made both colours anew."""
    copy = pair.folder / "copy.json"
    pair.pulumi("stack", "export", "--file", str(copy))
    standby, live = pair.release(), pair.release()
    before = pair.ids()
    for refreshed in (True, False):
        pair.pulumi("stack", "import", "--file", str(copy))
        if refreshed:  # which drops from the state what it does not find
            pair.pulumi("refresh", "--yes", "--skip-preview")
        found = look(pair)
        assert found.returncode == FOUND, found.stdout + found.stderr
        assert set(re.findall("^([a-z]+): ", found.stdout, re.MULTILINE)) == {"older"}
        recover, up = commands(found.stdout)
        assert (recover.split()[-1], up) == (pair.name, f"pulumi up --refresh --stack {pair.name}")
        if refreshed:
            refused = pair.deploy("recover", check=False)
            assert refused.returncode != 0
            assert re.search(rf"{pair.name}-api-{pair.live}\b.*, which may serve requests", refused.stderr)
            assert f"pulumi stack import --stack {pair.name}" in refused.stderr

    assert "was older than the host" in pair.run("sh", "-c", recover).stderr
    assert f"VERSION={live}" not in pair.pulumi("stack", "export").stdout, "it may be a secret"
    after = look(pair)
    assert after.returncode == 0, after.stdout
    assert pair.planned().keys() <= {"api-rollout"}, "the step runs again, and finds its release live"
    pair.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert pair.planned() == {}
    assert look(pair).returncode == 0
    assert pair.ids() == before, "nothing is made anew"
    assert "nothing was changed" in pair.run("sh", "-c", recover).stdout
    assert pair.rollout("rollback").returncode == 0
    assert pair.versions() == {pair.live: standby, pair.idle: live}


def test_a_copy_that_has_one_colour_is_brought_up_to_two(pair: SmallStack) -> None:
    """It was taken after the first deployment; each colour has been made anew since, one of them for the first time."""
    before, version = pair.ids(), pair.version
    pair.pulumi("stack", "import", "--file", str(pair.folder / FIRST))
    known = pair.pulumi("stack", "export").stdout
    assert f'"name": "{pair.name}-api-blue"' in known
    assert f'"name": "{pair.name}-api-green"' not in known
    assert look(pair).returncode == FOUND

    recovered = pair.deploy("recover").stderr
    assert f"{pair.name}-api-green" in recovered.partition("was older than the host")[2], recovered
    pair.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert pair.planned() == {}
    after = look(pair)
    assert after.returncode == 0, after.stdout
    assert pair.ids() == before, "nothing that serves is made anew"
    assert pair.versions()[pair.live] == version
    assert pair.release() == pair.versions()[pair.live], "the colour that was noted by its sibling is made anew"
    assert pair.planned() == {}


def test_a_copy_that_was_taken_while_an_update_made_what_serves_now(pair: SmallStack) -> None:
    """Its operations have ended since, and what they made was made anew: nothing of it is half made."""
    before, current = pair.ids(), pair.pulumi("stack", "export").stdout
    state = json.loads(current)
    resources = state["deployment"]["resources"]
    serving = [found for found in resources if found["type"] == CONTAINER and found["inputs"]["name"] in before]
    for found in serving:
        found["id"] = found["outputs"]["id"] = "0" * 64
    begun = [{"type": "creating", "resource": {**found, "id": ""}} for found in serving]
    moved = [{**found, "id": "1" * 64} if found["type"] == NETWORK else found for found in resources]
    try:
        put_back(pair, state["deployment"] | {"resources": moved})
        refused = pair.deploy("recover", check=False)
        assert refused.returncode != 0
        assert f"{pair.name}-app-network" in refused.stderr
        assert "network.cidr was changed after the copy" in refused.stderr

        put_back(pair, state["deployment"] | {"pending_operations": begun})
        said = pair.deploy("recover").stderr
        assert "was older than the host" in said
    except BaseException:  # an interrupt too: the next test needs a state that fits the host
        put_back(pair, json.loads(current)["deployment"])
        raise
    assert pair.ids() == before
    assert pair.planned() == {}
    assert look(pair).returncode == 0


def put_back(stack: SmallStack, deployment: dict[str, Any]) -> None:
    copy = stack.folder / "copy.json"
    copy.write_text(json.dumps({"version": 3, "deployment": deployment}))
    stack.pulumi("stack", "import", "--file", str(copy), "--force")


def look(stack: SmallStack) -> "subprocess.CompletedProcess[str]":
    return stack.deploy("drift", check=False)


def commands(said: str) -> list[str]:
    """The commands that a report gives, each once, and the update behind what it needs."""
    found = dict.fromkeys(line.strip() for line in said.splitlines() if line.startswith("  "))
    return sorted(found, key=lambda command: command.startswith("pulumi up"))
