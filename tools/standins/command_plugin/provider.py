"""The command plugin: when to run which command, and what it leaves in the state."""

import secrets
from dataclasses import replace

from tools.standins.command_plugin.process import SHELL, Command, Output, run
from tools.standins.protocol import paths
from tools.standins.protocol.log import Log
from tools.standins.protocol.patience import Patience
from tools.standins.protocol.provider import (
    Capabilities,
    Change,
    Checked,
    Difference,
    Failed,
    Found,
    Naming,
    NotOffered,
    Problem,
    Resource,
)
from tools.standins.protocol.values import UNKNOWN, Properties, reveal

COMMAND = "command:local:Command"
RUN = "command:local:run"
INPUTS = (
    "addPreviousOutputInEnv",
    "create",
    "delete",
    "dir",
    "environment",
    "interpreter",
    "logging",
    "stdin",
    "triggers",
    "update",
)
OUTPUTS = ("stdout", "stderr")
# The streams that each value of `logging` shows while the command runs.
SHOWN = {"stdout": ("stdout",), "stderr": ("stderr",), "stdoutAndStderr": OUTPUTS, "none": ()}


class CommandProvider:
    """Implements tools.standins.protocol.provider.Provider."""

    name = "command"
    version = "1.2.1"
    capabilities = Capabilities(secrets=True, resources=True, outputs=True)

    def __init__(self, log: Log) -> None:
        self._log = log

    def check_config(self, inputs: Properties) -> Properties:
        """The engine keeps this mark of the official plugin's framework in the state."""
        return {**inputs, "__pulumi-go-provider-version": "1.2.0"}

    def diff_config(self, _old: Properties, _new: Properties) -> Difference:
        """The engine takes this as no change."""
        raise NotOffered("DiffConfig is not implemented")

    def configure(self, _inputs: Properties) -> None:
        """Nothing to configure."""

    def check(self, resource: Resource, _old: Properties, new: Properties, _naming: Naming) -> Checked:
        """Inputs stay as they are."""
        if resource.type != COMMAND:
            return Checked(new, [Problem(_unsupported(resource.type))])
        unknown = [name for name in new if name not in INPUTS and not name.startswith("__")]
        problems = [Problem(f"{_unsupported(f'input {name!r} of {COMMAND}')}") for name in unknown]
        logging = new.get("logging", "none")
        if logging not in SHOWN and logging != UNKNOWN:
            problems.append(Problem(f"logging is {logging!r}, must be one of {', '.join(SHOWN)}"))
        return Checked(new, problems)

    def diff(self, _resource: Resource, state: Properties, new: Properties, _old_inputs: Properties) -> Difference:
        """Every changed input. The engine itself makes a replacement of a changed element of `triggers`."""
        changes: list[Change] = []
        for name in INPUTS:
            changes += paths.compare(name, reveal(state.get(name)), reveal(new.get(name)))
        return Difference([replace(change, replace=change.path == "triggers") for change in changes])

    def create(
        self, resource: Resource, inputs: Properties, patience: Patience, preview: bool
    ) -> tuple[str, Properties]:
        """Run `create`."""
        if preview:
            return "", {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN)}
        output = self._run(inputs, inputs.get("create"), {}, patience, resource.urn)
        return resource.name + secrets.token_hex(4), {**inputs, **output}

    def read(self, _resource: Resource, identity: str, inputs: Properties, state: Properties) -> Found | None:
        """A command leaves nothing that could be looked at."""
        return Found(identity, state, inputs)

    def update(
        self,
        resource: Resource,
        _identity: str,
        state: Properties,
        new: Properties,
        _old_inputs: Properties,
        patience: Patience,
        preview: bool,
    ) -> Properties:
        """Run `update`, or `create` again if there is none; with neither the last output stays."""
        last = {name: state.get(name, "") for name in OUTPUTS}
        if preview:
            # As the official plugin does it: an input that is merely added leaves the outputs known.
            changed = any(name in state and reveal(state[name]) != reveal(new.get(name)) for name in INPUTS)
            return {**new, **(dict.fromkeys(OUTPUTS, UNKNOWN) if changed else last)}
        output = self._run(new, new.get("update") or new.get("create"), last, patience, resource.urn)
        return {**new, **output}

    def delete(self, resource: Resource, _identity: str, state: Properties, patience: Patience) -> None:
        """Run `delete` with the environment in the state."""
        last = {name: state.get(name, "") for name in OUTPUTS}
        self._run(state, state.get("delete"), last, patience, resource.urn)

    def invoke(self, token: str, arguments: Properties, patience: Patience) -> Properties:
        """`command.local.run`: runs in previews too."""
        if token != RUN:
            raise Failed(_unsupported(token))
        output = self._run({**arguments, "logging": "none"}, arguments.get("command"), {}, patience, "")
        return {**arguments, **output}

    def _run(self, inputs: Properties, text: str | None, last: Properties, patience: Patience, urn: str) -> Properties:
        """Run a command with the other inputs; without a command the last output stays."""
        inputs, text = reveal(inputs), reveal(text)
        if not text:
            return {**dict.fromkeys(OUTPUTS, ""), **last}
        previous = {}
        if last and inputs.get("addPreviousOutputInEnv") is not False:
            previous = {f"PULUMI_COMMAND_{name.upper()}": str(reveal(last[name])) for name in OUTPUTS}
        shown = SHOWN[inputs.get("logging") or "stdoutAndStderr"]

        def show(stream: str, line: str) -> None:
            if stream in shown:
                self._log(urn, line)

        command = Command(
            text,
            interpreter=inputs.get("interpreter") or SHELL,
            directory=inputs.get("dir"),
            environment={**previous, **(inputs.get("environment") or {})},
            stdin=inputs.get("stdin"),
        )
        output: Output = run(command, patience, show)
        return {"stdout": output.stdout, "stderr": output.stderr}


def _unsupported(what: str) -> str:
    return f"{what} is not supported by this stand-in for pulumi-resource-command; use the official plugin for it"
