"""`compose`: the stack as a Docker Compose file, for hosts without Pulumi."""

from pathlib import Path

from components.stack_file import ROOT, read_stack
from render.compose import compose as rendered
from workloads.stack import stack as everything


def compose(stack: str, *, write: bool) -> None:
    """Print the file, or write it into the checkout. Raises SettingsError."""
    if write:
        file(stack).write_text(text(stack), encoding="utf-8")
    else:
        print(text(stack), end="")


def text(stack: str, folder: Path = ROOT) -> str:
    """The file of the stack whose configuration is in `folder`."""
    settings = read_stack(stack, folder)
    return rendered(settings, everything(settings))


def file(stack: str) -> Path:
    return ROOT / f"docker-compose.{stack}.yml"
