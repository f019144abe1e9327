"""What a plugin implements: the calls of the engine in plain Python values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tools.standins.protocol.patience import Patience
from tools.standins.protocol.values import Properties


class Failed(Exception):
    """A request that failed and changed nothing in the state; the text is shown to the user."""


class InitFailed(Exception):
    """An object exists but did not come up (or was updated in part): the engine keeps its state and the reason."""

    def __init__(self, reason: str, identity: str, state: Properties) -> None:
        super().__init__(reason)
        self.identity = identity
        self.state = state


class NotOffered(Exception):
    """A call of the protocol that this plugin does not answer; the engine then goes on without."""


@dataclass(frozen=True)
class Resource:
    """Which resource a call is about: its URN, type token and logical name."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True)
class Problem:
    """Why an input is refused."""

    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with defaults filled in, and what is wrong with them."""

    inputs: Properties
    problems: Sequence[Problem] = ()


class Kind(Enum):
    """How a property differs from the state."""

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
    """How a resource without a name is to be named: the engine's proposal, or from the seed if there is none."""

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
    """What Read found: the id, all outputs, and the inputs as they would have to be written."""

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
        """Make the object: its id and outputs; raises InitFailed. A preview gives an empty id and changes nothing."""

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
        """Change the object in place: its new outputs; raises InitFailed."""

    def delete(self, resource: Resource, identity: str, state: Properties, patience: Patience) -> None:
        """Remove the object; one that is gone already is no error."""

    def invoke(self, token: str, arguments: Properties, patience: Patience) -> Properties:
        """Run a function."""
