"""A second checkout of the project, with a stack of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from nginx.versions import Version
from tools.lab.place import Place

ROOT = Path(__file__).parent.parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "tests", "docs", "Pulumi.*.yaml")


def whole(place: Place, **more: Any) -> dict[str, Any]:
    """The configuration of the whole stack, as light as it gets: a model of random weights, from the mirror.

    `more` is laid over it, its groups key by key.
    """
    groups: dict[str, Any] = {
        "profile": "development",
        "OLLAMA_VERSION": "local",
        "OLLAMA_MODELS": ["tiny-random:latest"],
        "OLLAMA_MEMORY_LIMIT": "2G",
        "OLLAMA_MEMORY_RESERVATION": "256M",
        "IMAGE_TAG": "local",
        "api": {"marksStreams": True},
        "models": {"mirror": "local", "keep": False},
        "monitoring": "off",
        "logging": "off",
        **place.settings,
    }
    return overlaid(groups, more)


def overlaid(groups: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A configuration with another one laid over it; where both have a group, key by key."""
    both = {key: groups[key] | more[key] for key in groups.keys() & more if isinstance(groups[key], dict)}
    return groups | more | both


class Project:
    """A copy of the checkout and the stack `name` in it, both in the folder `base`; its state, too, unless `backend` is
    that of another checkout."""

    def __init__(self, base: Path, name: str, config: dict[str, Any], backend: Path | None = None) -> None:
        self.folder, self.backend, self.name = base / "checkout", backend or base / "state", name
        shutil.copytree(ROOT, self.folder, ignore=NOT_COPIED)
        self.backend.mkdir(exist_ok=True)
        self.write(config)
        self.env = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{self.backend}?metadata=skip",  # as tools/toolchain/environment.py has it
            "PULUMI_CONFIG_PASSPHRASE": "integration",
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def config(self) -> dict[str, Any]:
        """The stack's configuration as it was written last."""
        keyed = yaml.safe_load(self.file.read_text())["config"]
        return {key.removeprefix("orca-agents:"): value for key, value in keyed.items()}

    def write(self, config: dict[str, Any]) -> None:
        """Replace the stack's configuration, keeping what pulumi has put beside it."""
        kept = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        keyed = {f"orca-agents:{key}": value for key, value in config.items()}
        self.file.write_text(yaml.safe_dump({**kept, "config": keyed}))

    @contextmanager
    def safe_from(self, version: Version) -> Iterator[None]:
        """Let the checkout's own table call nginx safe from this version on, whatever the image here is made of."""
        table = self.folder / "nginx" / "versions.py"
        before = table.read_text()
        table.write_text(f"{before}\nLEAST_SAFE = ({version},)\n")
        try:
            yield
        finally:
            table.write_text(before)

    def run(self, *command: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout; its output is in the failure, if `check`."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def deploy(self, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("python3", "-m", "ops", command, "--stack", self.name, check=check)

    def pulumi(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("pulumi", *words, "--stack", self.name, "--non-interactive", check=check)

    def up(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", check=check)

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return found

    def planned(self) -> dict[str, str]:
        """What a preview would change: logical name to operation."""
        steps = json.loads(self.pulumi("preview", "--json").stdout)["steps"]
        return {
            step["urn"].split("::")[-1]: step["op"]
            for step in steps
            if step["op"] != "same" and "pulumi:pulumi:Stack" not in step["urn"]
        }
