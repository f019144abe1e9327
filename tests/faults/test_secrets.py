"""Secrets of a running stack: rotated under load, wrong, out of reach, and seen by nobody.

Each release keeps the values that it was made with.
"""

import copy
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.canaries import canary, found, in_folders, on_engine, process_lists
from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient
from tools.lab.stack import SmallStack, wait_for_phase
from tools.lab.stores import aws, doppler
from tools.lab.stores.vault import server as vault
from tools.lab.wait import eventually

KEY = "release-key-" + "0123456789abcdef" * 2


class Secrets:
    """A stack with the secret FILE of a file and ENV of a command, which reads a file."""

    def __init__(self, stack: SmallStack) -> None:
        self.stack = stack
        self.put("key", KEY)

    def put(self, name: str, value: str | bytes) -> None:
        (self.stack.folder / f"{name}.txt").write_bytes(value if isinstance(value, bytes) else value.encode())

    def config(self, **more: Any) -> dict[str, Any]:
        given = {
            "FILE": {"from": "file", "key": "file.txt"},
            "ENV": {"from": "command", "key": "cat env.txt", "as": "env"},
        }
        return {
            "api": {"secrets": given | more.pop("secrets", {})},
            "secrets": {"releaseKey": {"from": "file", "key": "key.txt"}, **more.pop("stores", {})},
            **more,
        }

    def release(self, file: str | bytes, env: str | bytes, **more: Any) -> str:
        self.put("file", file)
        self.put("env", env)
        return self.stack.release(**self.config(**more))

    def told(self, name: str) -> bytes:
        """What the live colour reads now."""
        url = f"{self.stack.url}/v1/secret"
        answer = requests.get(url, params={"name": name}, verify=str(self.stack.ca), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.content

    def of_colour(self, colour: str, name: str) -> bytes:
        """What a colour's process reads now, asked by the edge."""
        nginx = self.stack.container("nginx")
        place = f"http://{colour}-0/v1/secret?name={name}"
        code, output = nginx.exec_run(["curl", "-sS", "-f", "--unix-socket", "/run/edge/admin.sock", place])
        assert code == 0, output
        assert isinstance(output, bytes)
        return output

    def volumes(self) -> set[str]:
        prefix = f"{self.stack.name}-api-secrets-"
        return {volume.name for volume in self.stack.engine.volumes.list() if volume.name.startswith(prefix)}

    def restart(self, colour: str) -> None:
        """A crash of a colour's process: the engine starts it again, and it reads its secrets anew."""
        container = self.stack.container(f"api-{colour}")
        container.restart(timeout=5)
        eventually(lambda: self.stack.status()["colours"][colour]["health"] == "ready", 20, f"{colour} answers again")


@pytest.fixture(scope="module", autouse=True)
def _left_without(running: SmallStack) -> Iterator[None]:
    """The tests of other files find a stack without secrets in each colour."""
    yield
    running.settle(pair=False)
    running.release()
    running.release()


@pytest.fixture
def secrets(stack: SmallStack) -> Secrets:
    return Secrets(stack)


def test_a_rotation_under_load_releases_its_consumers_and_nothing_else(secrets: Secrets, load: LoadClient) -> None:
    stack = secrets.stack
    secrets.put("preview", "first-" + "p" * 24)
    secrets.release("old", "one", rollout={"previewKey": {"from": "file", "key": "preview.txt"}})
    assert (secrets.told("FILE"), secrets.told("ENV")) == (b"old", b"one")
    assert stack.planned() == {}
    secrets.put("preview", "second-" + "p" * 24)
    assert set(stack.planned()) == {"storage-edge-config-files", "edge-configure"}
    secrets.put("preview", "first-" + "p" * 24)
    old, before = stack.live, stack.ids()
    secrets.put("file", "new")
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.up()
        time.sleep(1)
    result = running.end()
    assert not result.lost, result.summary()
    assert secrets.told("FILE") == b"new"
    untouched = [f"{stack.name}-nginx", f"{stack.name}-api-{old}"]
    assert {name: stack.ids()[name] for name in untouched} == {name: before[name] for name in untouched}
    # The standby keeps its value, also when the engine starts it anew; so does a rollback to it.
    secrets.restart(old)
    assert secrets.of_colour(old, "FILE") == b"old"
    assert len(secrets.volumes()) == 2
    assert stack.rollout("rollback").returncode == 0
    assert secrets.told("FILE") == b"old"
    # The configuration of the release before: nothing is made anew.
    secrets.put("file", "old")
    before = stack.ids()
    stack.up()
    assert stack.ids() == before
    assert secrets.told("FILE") == b"old"


def test_a_release_that_fails_leaves_every_value_with_its_release(secrets: Secrets) -> None:
    stack = secrets.stack
    secrets.release("good", "one")
    live = stack.live
    secrets.put("file", "bad")
    failing = {"env": {"READY": "never"}, "rollout": {"gateTimeout": "3s"}}
    stack.want(**secrets.config(**failing))
    assert stack.up(check=False).returncode != 0
    assert stack.live == live
    secrets.restart(live)
    assert secrets.told("FILE") == b"good"
    # Killed while it makes the next one anew.
    secrets.put("file", "better")
    stack.want(**secrets.config())
    deployer = stack.up_in_background()
    wait_for_phase(stack, "starting", deployer)
    stack.kill(deployer)
    secrets.restart(live)
    assert secrets.told("FILE") == b"good"
    stack.end_orphans()
    stack.run("python3", "-m", "ops", "recover", "--stack", stack.name)
    stack.up()
    assert stack.live != live
    assert secrets.told("FILE") == b"better"
    assert secrets.of_colour(live, "FILE") == b"good"
    assert len(secrets.volumes()) == 2


def test_values_arrive_byte_by_byte(secrets: Secrets) -> None:
    file, env = b"\xff\xfe\0" + os.urandom(65536), 'lines\nand "quotes" \'$HOME ${X} `x` %41 \\n ü€😀' + "x" * 65536
    secrets.release(file, env)
    assert secrets.told("FILE") == file
    assert secrets.told("ENV") == env.encode()


TOP = "TOP-SECRET-VALUE"
TOKENS = {"DOPPLER_TOKEN": doppler.SERVICE, "VAULT_TOKEN": vault.TOKEN, **aws.CREDENTIALS}
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"secrets": {"MORE": {"from": "file", "key": "none"}}},
        "api.secrets.MORE (file, none): there is no such file",
    ),
    (
        {"secrets": {"MORE": {"from": "command", "key": "true"}}},
        "api.secrets.MORE (command, true): its value is empty",
    ),
    (
        {"secrets": {"MORE": {"from": "doppler", "key": "X"}}, "stores": {"doppler": {"url": "http://127.0.0.1:9"}}},
        "api.secrets.MORE (doppler, X): it cannot be reached",
    ),
    (
        {"secrets": {"MORE": {"from": "command", "key": r"printf '\377'", "as": "env"}}},
        "api.secrets.MORE: is not UTF-8 or has a zero byte, which no environment variable can hold; use `as: file`",
    ),
    (
        {"edge": {"apiKeys": {"app": {"keys": [{"from": "file", "key": "file.txt"}]}}}},
        "edge.apiKeys.app.keys.0: is no key",
    ),
    (
        {"edge": {"tls": {key: {"from": "file", "key": "file.txt"} for key in ("certificate", "key")}}},
        "edge.tls.certificate is no certificate in PEM",
    ),
]


def test_what_cannot_be_used_changes_nothing(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = secrets.stack
    monkeypatch.setitem(stack.env, "DOPPLER_TOKEN", "t")
    before, state = stack.ids(), resources(stack)
    secrets.put("file", TOP)
    secrets.put("env", TOP)
    for change, said in WRONG:
        stack.want(**secrets.config(**copy.deepcopy(change)))
        done = stack.up(check=False)
        assert done.returncode != 0
        assert said in done.stdout + done.stderr
        assert TOP not in done.stdout + done.stderr
    assert stack.ids() == before
    assert resources(stack) == state


def resources(stack: SmallStack) -> dict[str, str]:
    """What Pulumi knows on the host: URN to id."""
    state = json.loads(stack.pulumi("stack", "export").stdout)
    return {one["urn"]: one.get("id", "") for one in state["deployment"]["resources"] if "providers" not in one["urn"]}


def test_a_preview_without_the_store_has_placeholders_and_no_update_has(secrets: Secrets) -> None:
    stack = secrets.stack
    secrets.put("file", TOP)
    secrets.put("env", TOP)
    pair = {name: {"from": "file", "key": f"away/{name}"} for name in ("certificate", "key")}
    away: dict[str, Any] = {"secrets": {"MORE": {"from": "file", "key": "away/none"}}, "edge": {"tls": pair}}
    stack.want(**secrets.config(**copy.deepcopy(away)))
    assert stack.pulumi("preview", check=False).returncode != 0
    stack.want(**secrets.config(**away, stores={"onPreview": "placeholder"}))
    plan = str(stack.folder / "plan.json")
    said = stack.pulumi("preview", "--diff", "--save-plan", plan)
    assert "This preview has placeholders in place of secrets that it could not fetch" in said.stdout + said.stderr
    assert "api.secrets.MORE (file): there is no such file" in said.stdout + said.stderr
    assert TOP not in said.stdout + said.stderr
    before = stack.ids()
    for options in ((), ("--plan", plan)):
        done = stack.pulumi("up", "--yes", "--skip-preview", *options, check=False)
        assert done.returncode != 0
        assert "3 secrets could not be fetched; nothing was changed." in done.stdout
    assert stack.ids() == before


def reference(name: str) -> dict[str, str]:
    """Where the value of that name is; every fifth goes into the environment."""
    store = name.partition("_")[0].lower()
    key = f"all#{name}" if store == "vault" else name
    return {"from": store, "key": key, "as": "env" if name.endswith("1") else "file"}


def test_nobody_sees_a_value(secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty values in every store, after an update, a preview, an update that cannot begin and one that fails."""
    stack = secrets.stack
    names = [f"{store}_{number}" for store in ("DOPPLER", "AWS", "VAULT") for number in range(5)]
    values = {name: canary() for name in [*names, "FILE", "ENV", "preview", "client", "key"]}
    for name in ("FILE", "ENV", "preview", "key"):
        secrets.put(name.lower(), values[name])
    with doppler.running() as first, aws.running() as second, vault.running() as third:
        for name, value in {"PULUMI_DEBUG_COMMANDS": "true", **TOKENS}.items():
            monkeypatch.setitem(stack.env, name, value)
        first.secrets |= values
        for name in names:
            second.put(name, values[name])
        third.put("all", values)
        given = {name: reference(name) for name in names}
        stores = {
            "doppler": {"url": first.url},
            "aws": {"region": aws.REGION, "endpoint": second.endpoint},
            "vault": {"address": third.address},
        }
        more: dict[str, Any] = {
            "rollout": {"previewKey": {"from": "file", "key": "preview.txt"}, "gateTimeout": "3s"},
            "edge": {"apiKeys": {"app": {"keys": [{"from": "vault", "key": "all#client"}]}}},
        }

        def config() -> dict[str, Any]:
            return secrets.config(secrets=given, stores=stores, **copy.deepcopy(more))

        loud = ("-v=9", "--logtostderr", "--logflow", "--non-interactive", "--stack", stack.name)
        said: dict[str, bytes] = {}
        with process_lists() as processes:

            def run(word: str, *options: str, good: bool) -> None:
                done = stack.run(
                    "pulumi", *options, "--event-log", str(tmp_path / f"{word}.events"), *loud, check=False
                )
                assert (done.returncode == 0) == good, done.stdout[-2000:]
                said[word] = (done.stdout + done.stderr).encode()

            up = ("up", "--yes", "--skip-preview", "--diff")
            stack.want(**config())
            run("update", *up, good=True)
            assert secrets.of_colour(stack.live, "VAULT_3").decode() == values["VAULT_3"]
            stack.want(**config(), env={"READY": "never"})
            run("preview", "preview", "--diff", good=True)
            run("failed release", *up, good=False)
            third.trouble(times=9, status=503, after="0")
            run("failed update", *up, good=False)
    said["status"] = stack.rollout("status", "--json").stdout.encode()
    said["export"] = stack.pulumi("stack", "export").stdout.encode()
    own = frozenset(stack.folder / f"{name}.txt" for name in ("file", "env", "preview", "key"))
    places = on_engine(stack) | said | processes | in_folders(tmp_path, stack.folder, stack.backend, without=own)
    assert len(values) == 20
    assert b"rollout\0step\0release" in processes["process list"]
    assert len(said["update"]) > 1_000_000
    # What Pulumi itself writes of every property, from level 9 on, and of every program (docs/secrets.md).
    for name in ("update", "preview", "failed release", "failed update"):
        lines = said[name].splitlines()
        places[name] = b"\n".join(line for line in lines if b"arshaling property for RPC[" not in line)
        assert all(b'"v":9' in line for line in lines if b"arshaling property for RPC[" in line)
    assert found(values, places) == []
    assert found(values, {"file": (stack.folder / "file.txt").read_bytes()}) == ["FILE in file"]
