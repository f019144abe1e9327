"""A second checkout of the project, with a stack of its own: what the integration tests deploy."""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import APIError

ROOT = Path(__file__).parent.parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "tests", "docs", "Pulumi.*.yaml")


class Project:
    """A copy of the checkout in `folder` and the stack `name` in it, with its state in `backend`."""

    def __init__(self, folder: Path, backend: Path, name: str, config: dict[str, Any]) -> None:
        self.folder, self.backend, self.name = folder, backend, name
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        backend.mkdir(exist_ok=True)
        self.write(config)
        self.env = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",  # as tools/toolchain/environment.py has it
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


def left(engine: docker.DockerClient, prefix: str) -> list[str]:
    """Everything on the engine whose name begins so."""
    found = [
        *(str(container.name) for container in engine.containers.list(all=True, ignore_removed=True)),
        *(str(network.name) for network in engine.networks.list()),
        *(volume.name for volume in engine.volumes.list()),
    ]
    return sorted(name for name in found if name.startswith(prefix))


def sweep(engine: docker.DockerClient, prefix: str) -> None:
    """Remove everything on the engine whose name begins so, however far a run has come; state of Pulumi's is not asked.

    Again and again until nothing is left, since what a killed deployment has begun may still appear. Raises
    AssertionError if something stays.
    """
    for _ in range(20):
        if not left(engine, prefix):
            return
        for container in engine.containers.list(all=True, filters={"name": f"^/{prefix}"}, ignore_removed=True):
            with suppress(APIError):
                container.remove(force=True, v=True)
        for network in engine.networks.list():
            if str(network.name).startswith(prefix):
                with suppress(APIError):
                    network.remove()
        for volume in engine.volumes.list():
            if volume.name.startswith(prefix):
                with suppress(APIError):
                    volume.remove()
        time.sleep(0.5)
    raise AssertionError(f"could not be removed: {', '.join(left(engine, prefix))}")
