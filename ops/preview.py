"""`preview`: show what a deployment would change."""

from components.stack_file import read_stack
from ops import pulumi
from ops.lock import wait_for_other


def preview(stack: str) -> None:
    """Raises SettingsError for a configuration that cannot work, PulumiFailed when Pulumi cannot plan it."""
    read_stack(stack)
    wait_for_other(stack)
    pulumi.make(stack)
    pulumi.show("preview", stack)
