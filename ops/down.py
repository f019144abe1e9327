"""`down`: remove everything of the stack from its host, but what it was told to keep."""

from ops import pulumi
from ops.lock import wait_for_other
from ops.recover import finish_interrupted


def down(stack: str) -> None:
    """Works by the stack's state, so that a configuration that cannot work is in nobody's way. Raises PulumiFailed."""
    wait_for_other(stack)
    if not pulumi.exists(stack):
        print(f"There is no stack {stack}; nothing was changed.")
        return
    finish_interrupted(stack, removes=True)
    pulumi.show("destroy", stack, "--yes", "--skip-preview")
