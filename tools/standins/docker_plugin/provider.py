"""The Docker plugin: applies the tables to the engine's calls."""

import os
import threading
from typing import TYPE_CHECKING

from engine import ssh
from tools.standins.docker_plugin import planning, reading
from tools.standins.docker_plugin.check import STAND_IN, check
from tools.standins.docker_plugin.difference import difference
from tools.standins.docker_plugin.engine import connect
from tools.standins.docker_plugin.lifecycle.shared import HalfMade, Lifecycle
from tools.standins.docker_plugin.schema import ResourceType
from tools.standins.docker_plugin.tables import TABLES
from tools.standins.protocol import paths
from tools.standins.protocol.log import Log
from tools.standins.protocol.patience import Interrupted, Patience
from tools.standins.protocol.provider import (
    Capabilities,
    Change,
    Checked,
    Difference,
    Failed,
    Found,
    InitFailed,
    Naming,
    Problem,
    Resource,
)
from tools.standins.protocol.values import Properties

if TYPE_CHECKING:
    from docker import APIClient

# Inputs of the provider itself; those of the official plugin that are missing here are refused.
CONFIG = ("host", "disableDockerDaemonCheck", "version")


class DockerProvider:
    """Implements tools.standins.protocol.provider.Provider."""

    name = "docker"
    version = "5.2.0"
    # Plain values instead of secrets: the engine hides outputs by the name of the secret input.
    capabilities = Capabilities(autonaming=True)

    def __init__(self, _log: Log) -> None:
        self._host: str | None = None
        self._client: APIClient | None = None
        self._connecting = threading.Lock()

    def check_config(self, inputs: Properties) -> Properties:
        """Refuses what is not supported."""
        for name in inputs:
            if name not in CONFIG and not name.startswith("__"):
                raise Failed(f"input {name!r} of the docker provider {STAND_IN}")
        return inputs

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        """Another host is an update of the provider: what it made stays where it is."""
        changes: list[Change] = []
        for name in CONFIG:
            changes += paths.compare(name, old.get(name), new.get(name))
        return Difference(changes)

    def configure(self, inputs: Properties) -> None:
        """Connect, in previews too; over ssh only when there is something to do.

        The official plugin connects whatever `disableDockerDaemonCheck` says: only one half of it heeds that.
        """
        self._host = inputs.get("host") or os.environ.get("DOCKER_HOST")
        if not (self._host or "").startswith(ssh.SCHEME):
            self._engine()

    def _engine(self) -> "APIClient":
        with self._connecting:
            self._client = self._client or connect(self._host)
            return self._client

    def check(self, resource: Resource, old: Properties, new: Properties, naming: Naming) -> Checked:
        """By the tables."""
        if resource.type not in TABLES:
            return Checked(new, [Problem(f"{resource.type} {STAND_IN}")])
        return check(TABLES[resource.type], resource, old, new, naming)

    def diff(self, resource: Resource, state: Properties, new: Properties, _old_inputs: Properties) -> Difference:
        """By the tables."""
        return difference(_table(resource), state, new)

    def create(
        self, resource: Resource, inputs: Properties, patience: Patience, preview: bool
    ) -> tuple[str, Properties]:
        """The state is what the engine reports, except where the plan has the last word."""
        table = _table(resource)
        planned = planning.plan(table, inputs)
        if preview:
            return "", planned
        try:
            identity, found = _lifecycle(resource).create(self._engine(), planned, patience)
        except HalfMade as error:
            state = {**planning.unfinished(table, planned), "id": error.identity}
            raise InitFailed(str(error), error.identity, state) from None
        outputs = reading.read(table, identity, found, planned)
        return identity, planning.settled(table, planned, outputs)

    def read(self, resource: Resource, identity: str, inputs: Properties, state: Properties) -> Found | None:
        """Everything the engine reports; inputs follow it."""
        table = _table(resource)
        found = _lifecycle(resource).look(self._engine(), identity, state)
        if found is None:
            return None
        outputs = reading.read(table, found[0], found[1], state)
        return Found(found[0], outputs, reading.inputs_of(table, outputs, inputs))

    def update(
        self,
        resource: Resource,
        identity: str,
        state: Properties,
        new: Properties,
        _old_inputs: Properties,
        patience: Patience,
        preview: bool,
    ) -> Properties:
        """The state is the plan: nothing is read back, and a failed update leaves the plan as well."""
        table = _table(resource)
        planned = planning.plan(table, new, state)
        if preview:
            return planned
        outputs = planning.unfinished(table, planned)
        try:
            _lifecycle(resource).update(self._engine(), identity, state, outputs, patience)
        except (Failed, Interrupted) as error:
            raise InitFailed(str(error), identity, outputs) from None
        return outputs

    def delete(self, resource: Resource, identity: str, state: Properties, patience: Patience) -> None:
        """By the state alone: the program may have forgotten the resource."""
        _lifecycle(resource).delete(self._engine(), identity, state, patience)

    def invoke(self, token: str, _arguments: Properties, _patience: Patience) -> Properties:
        """There are none."""
        raise Failed(f"{token} {STAND_IN}")


def _table(resource: Resource) -> ResourceType:
    if resource.type not in TABLES:
        raise Failed(f"{resource.type} {STAND_IN}")
    return TABLES[resource.type]


def _lifecycle(resource: Resource) -> Lifecycle:
    from tools.standins.docker_plugin.lifecycle import container, network, remote_image, volume

    lifecycles: dict[str, Lifecycle] = {
        "Container": container,
        "Network": network,
        "Volume": volume,
        "RemoteImage": remote_image,
    }
    return lifecycles[_table(resource).token.split(":")[-1]]
