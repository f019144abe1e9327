"""The command plugin: real commands."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from tests.standins.driver import Plugin, init_failure
from tools.lab.processes import end, kill_pulumi
from tools.lab.wait import eventually
from tools.standins.protocol.values import SECRET, SIGNATURE, UNKNOWN

COMMAND = "command:local:Command"
# "Promptly" on a busy machine, in seconds.
PROMPT = 8.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes soon."""
    eventually(condition, 20, "it has come to that")


def suppressed(call: Callable[..., object], *arguments: object) -> None:
    """A call whose answer nobody waits for."""
    with suppress(grpc.RpcError):
        call(*arguments)


def secret(value: str) -> dict[str, str]:
    return {SIGNATURE: SECRET, "value": value}


def test_life_of_a_command(command_plugin: Plugin, tmp_path: Path) -> None:
    log = tmp_path / "log"
    inputs = {"create": f"echo made $V | tee -a {log}; cat", "stdin": "in", "environment": {"V": "1"}}
    inputs["delete"] = f"echo deleted $V after $PULUMI_COMMAND_STDOUT >> {log}"
    identity, state = command_plugin.create(COMMAND, inputs)
    assert identity.startswith("it")
    assert state["stdout"] == "made 1\nin"
    assert "made 1" in command_plugin.engine.lines
    assert command_plugin.diff(COMMAND, state, inputs) == {}

    changed = {**inputs, "environment": {"V": "2"}, "update": 'echo "updated $V, was: $PULUMI_COMMAND_STDOUT"'}
    assert command_plugin.diff(COMMAND, state, changed) == {"environment.V": "UPDATE", "update": "ADD"}
    state = command_plugin.update(COMMAND, identity, state, changed)
    assert state["stdout"] == "updated 2, was: made 1\nin"

    command_plugin.delete(COMMAND, identity, state)
    assert log.read_text().splitlines() == ["made 1", "deleted 2 after updated 2, was: made 1 in"]


def test_a_failure_shows_the_command_and_its_output(command_plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        command_plugin.create(COMMAND, {"create": "echo out; sleep 0.2; echo err >&2; exit 3"})
    assert caught.value.details() == ('exit status 3: running "echo out; sleep 0.2; echo err >&2; exit 3":\nout\nerr\n')
    assert init_failure(caught.value) is None


def test_a_preview_runs_nothing(command_plugin: Plugin, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    inputs = {"create": f"touch {trace}", "environment": {"V": UNKNOWN}}
    _, planned = command_plugin.create(COMMAND, inputs, preview=True)
    assert planned == {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN}
    command_plugin.update(COMMAND, "it", {"create": "true", "stdout": "", "stderr": ""}, inputs, preview=True)
    assert not trace.exists()


def test_a_secret_output_reaches_the_next_run_unwrapped(command_plugin: Plugin) -> None:
    """The engine hands back an output of `additionalSecretOutputs` as a secret."""
    inputs = {"create": 'echo "was: $PULUMI_COMMAND_STDOUT"', "environment": {"V": "1"}}
    identity, state = command_plugin.create(COMMAND, inputs)
    kept = {**state, "stdout": secret(state["stdout"])}
    state = command_plugin.update(COMMAND, identity, kept, {**inputs, "environment": {"V": "2"}})
    assert state["stdout"] == "was: was: "


def test_secrets_reach_the_command_and_stay_wrapped_in_the_state(command_plugin: Plugin) -> None:
    inputs = {"create": "echo ${#T}; cat", "environment": {"T": secret("hidden")}, "stdin": secret("in")}
    _, state = command_plugin.create(COMMAND, {**inputs, "logging": "none"})
    assert state["stdout"] == "6\nin"
    assert state["environment"] == inputs["environment"]
    assert state["stdin"] == inputs["stdin"]
    assert command_plugin.engine.lines == []


def test_changed_triggers_are_left_to_the_engine(command_plugin: Plugin) -> None:
    state = {"create": "true", "triggers": ["a"], "stdout": "", "stderr": ""}
    assert command_plugin.diff(COMMAND, state, {"create": "true", "triggers": ["b"]}) == {"triggers[0]": "UPDATE"}
    assert command_plugin.diff(COMMAND, state, {"create": "true"}) == {"triggers": "DELETE_REPLACE"}


def test_run(command_plugin: Plugin) -> None:
    found = command_plugin.invoke("command:local:run", command="echo $V; cat", environment={"V": "1"}, stdin="in")
    assert found["stdout"] == "1\nin"
    with pytest.raises(grpc.RpcError, match="exit status 4"):
        command_plugin.invoke("command:local:run", command="exit 4")


def test_cancelling_ends_the_command_and_what_it_started(command_plugin: Plugin, tmp_path: Path) -> None:
    trace = tmp_path / "pid"
    failures: list[str] = []

    def create() -> None:
        with pytest.raises(grpc.RpcError) as caught:
            command_plugin.create(COMMAND, {"create": f"sh -c 'echo $$ > {trace}; exec sleep 600'; true"})
        failures.append(str(caught.value.details()))

    thread = threading.Thread(target=create)
    thread.start()
    until(lambda: trace.exists() and trace.read_text().strip() != "")
    started = time.monotonic()
    command_plugin.cancel()
    thread.join(30)
    assert time.monotonic() - started < PROMPT
    assert failures[0].startswith("cancelled: running")
    assert not Path("/proc", trace.read_text().strip(), "exe").exists()
    assert command_plugin.process.wait(PROMPT) == 0


def test_a_killed_engine_ends_neither_the_plugin_nor_its_command(tmp_path: Path) -> None:
    """As with the official plugin: the call under way goes on to its end, and what it says goes nowhere."""
    begun, done = tmp_path / "begun", tmp_path / "done"
    plugin = Plugin.start("tools.standins.command_plugin", "sh", "-c", '"$@"; exit', "engine")
    plugin.configure()
    command = f"touch {begun}; sleep {PROMPT / 2}; echo words; touch {done}"
    threading.Thread(target=lambda: suppressed(plugin.create, COMMAND, {"create": command})).start()
    until(begun.exists)
    plugin.engine.stop()
    left = kill_pulumi(plugin.process)
    try:
        assert not done.exists()
        until(done.exists)
        until(lambda: not any(process.lives for process in left))
    finally:
        end(left)


def test_a_custom_timeout_ends_the_command(command_plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="timed out after 1 s"):
        command_plugin.create(COMMAND, {"create": "sleep 600"}, limit=1.0)


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        (COMMAND, {"create": "true", "assetPaths": ["*"]}, "input 'assetPaths' of command:local:Command is not"),
        ("command:remote:Command", {"create": "true"}, "command:remote:Command is not supported by this stand-in"),
        (COMMAND, {"create": "true", "logging": "loud"}, "logging is 'loud', must be one of"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    command_plugin: Plugin, kind: str, inputs: dict[str, object], text: str
) -> None:
    _, failures = command_plugin.check(kind, inputs)
    assert text in failures[0]
