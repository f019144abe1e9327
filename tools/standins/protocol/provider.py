"""The interface that a plugin implements: the engine's calls, with plain Python values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tools.standins.protocol.patience import Patience
from tools.standins.protocol.values import Properties


class Failed(Exception):
    """A request failed and the state is unchanged. The user sees the text."""


class InitFailed(Exception):
    """An object did not start correctly, or was updated in part. The engine keeps its state and the reason."""

    def __init__(self, reason: str, identity: str, state: Properties) -> None:
        super().__init__(reason)
        self.identity = identity
        self.state = state


class NotOffered(Exception):
    """This plugin does not offer the call. The engine continues without it."""


@dataclass(frozen=True)
class Resource:
    """The resource of a call: its URN, type token and logical name."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True)
class Problem:
    """Why an input is refused."""

    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with their defaults, and the reasons to refuse them."""

    inputs: Properties
    problems: Sequence[Problem] = ()


class Kind(Enum):
    """The kind of a difference between an input and the state."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    """One difference: its path (`envs[0]`, `options["a.b"]`), its kind and whether it forces a replacement."""

    path: str
    kind: Kind
    replace: bool = False

    @property
    def property(self) -> str:
        """The top-level property the path belongs to."""
        return self.path.split(".")[0].split("[")[0]


@dataclass(frozen=True)
class Difference:
    """All differences between a resource's state and its inputs; `stable` are properties an update leaves alone."""

    changes: Sequence[Change] = ()
    delete_first: bool = False
    stable: Sequence[str] = ()


@dataclass(frozen=True)
class Naming:
    """The automatic name of a resource: the engine's proposal, or a name from the seed if there is none."""

    seed: bytes = b""
    proposed: str = ""
    disabled: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What the engine may send in its replies to Configure."""

    secrets: bool = False
    resources: bool = False
    outputs: bool = False
    autonaming: bool = False


@dataclass(frozen=True)
class Found:
    """The result of Read: the id, all outputs, and inputs that would lead to these outputs."""

    identity: str
    outputs: Properties
    inputs: Properties = field(default_factory=dict)


class Provider(Protocol):
    """A plugin. Calls come from several threads at once. Each raises Failed with a text for the user."""

    name: str
    version: str
    capabilities: Capabilities

    def check_config(self, inputs: Properties) -> Properties:
        """The provider's own inputs, completed."""

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        """What changed in the provider's own inputs; raises NotOffered."""

    def configure(self, inputs: Properties) -> None:
        """Take the provider's inputs; comes before any call below."""

    def check(self, resource: Resource, old: Properties, new: Properties, naming: Naming) -> Checked:
        """Complete and validate inputs; `old` are the inputs of the state, empty for a new resource."""

    def diff(self, resource: Resource, state: Properties, new: Properties, old_inputs: Properties) -> Difference:
        """Compare the outputs in the state with checked inputs."""

    def create(
        self, resource: Resource, inputs: Properties, patience: Patience, preview: bool
    ) -> tuple[str, Properties]:
        """Create the object. Returns its id and outputs; raises InitFailed. A preview changes nothing and has no id."""

    def read(self, resource: Resource, identity: str, inputs: Properties, state: Properties) -> Found | None:
        """The object as it is now; None if it is gone."""

    def update(
        self,
        resource: Resource,
        identity: str,
        state: Properties,
        new: Properties,
        old_inputs: Properties,
        patience: Patience,
        preview: bool,
    ) -> Properties:
        """Change the object in place. Returns its new outputs; raises InitFailed."""

    def delete(self, resource: Resource, identity: str, state: Properties, patience: Patience) -> None:
        """Remove the object. It is no error if it is gone already."""

    def invoke(self, token: str, arguments: Properties, patience: Patience) -> Properties:
        """Run a function."""
