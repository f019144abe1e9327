"""`preview`: show what a deployment would change, and what of it the policy pack refuses."""

from components.stack_file import read_stack
from ops import pulumi
from ops.lock import wait_for_other
from ops.policy import pack


def preview(stack: str) -> None:
    """Raises SettingsError for a configuration that cannot work, PulumiFailed for one that Pulumi cannot plan or that
    breaks a rule of the policy pack."""
    read_stack(stack)
    wait_for_other(stack)
    pulumi.make(stack)
    with pack() as folder:
        pulumi.show("preview", stack, "--policy-pack", str(folder))
