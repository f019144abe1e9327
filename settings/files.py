"""The settings of a stack read from its file, for commands that run outside of Pulumi."""

from pathlib import Path
from typing import Any

import yaml

from settings.load import SettingsError, load
from settings.model import Settings

ROOT = Path(__file__).parent.parent


def read_stack(stack: str, folder: Path = ROOT) -> Settings:
    """Load Pulumi.<stack>.yaml. Secret values stay encrypted. Raises SettingsError, also when there is no such file."""
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        text = path.read_text()
    except OSError:
        known = ", ".join(sorted(found.name.split(".")[1] for found in folder.glob("Pulumi.*.yaml"))) or "none"
        raise SettingsError(
            f'There is no {path.name}, so no stack "{stack}". Stacks with a file here: {known}.'
        ) from None
    try:
        project: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text())
        config: dict[str, Any] = (yaml.safe_load(text) or {}).get("config") or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is not valid YAML: {error}") from None
    prefix = f"{project['name']}:"
    return load(stack, {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})
