"""Asks a Docker engine for its version, through the docker CLI, which knows all kinds of addresses."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SOCKET = Path("/var/run/docker.sock")
# How long an engine may take to answer, in seconds.
_PATIENCE = 15.0


@dataclass(frozen=True)
class Engine:
    """An engine that answers: its version and that of its API."""

    version: str
    api: str


@dataclass(frozen=True)
class NoAnswer:
    """An engine that does not; `reason` is docker's own message, empty where there is no docker CLI."""

    reason: str


def ask(host: str | None = None) -> Engine | NoAnswer:
    """The engine at `host` (default: DOCKER_HOST, else the docker CLI's own choice)."""
    if shutil.which("docker") is None:
        return NoAnswer("")
    environment = os.environ | ({"DOCKER_HOST": host} if host else {})
    command = ["docker", "version", "--format", "{{json .Server}}"]
    try:
        asked = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=True)
        server = json.loads(asked.stdout)
        return Engine(server["Version"], server["ApiVersion"])
    except subprocess.TimeoutExpired:
        return NoAnswer(f"no answer within {_PATIENCE:.0f} s")
    except subprocess.CalledProcessError as failure:
        return NoAnswer(failure.stderr.strip())
    except (KeyError, TypeError, json.JSONDecodeError):
        return NoAnswer(asked.stderr.strip())


def running(host: str | None = None, publishing: int | None = None) -> list[str]:
    """The names of the containers that run on an engine (only those on a host port); empty if it does not answer."""
    environment = os.environ | ({"DOCKER_HOST": host} if host else {})
    only = ["--filter", f"publish={publishing}"] if publishing else []
    command = ["docker", "ps", *only, "--format", "{{.Names}}"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    return listed.stdout.split()


def named(user: Mapping[str, str]) -> str | None:
    """How the user has named an engine, in words; None where it is docker's default one."""
    if host := user.get("DOCKER_HOST"):
        return f"DOCKER_HOST is {host}"
    context = _context(user)
    return f"the docker context is {context}" if context else None


def host_to_set(user: Mapping[str, str]) -> str | None:
    """The address that programs without knowledge of docker contexts need in DOCKER_HOST, or None.

    Docker Desktop, Colima and rootless engines have no default socket; the docker CLI finds them by its context. A user
    may also have chosen a context beside an engine at the default socket.
    """
    if (DEFAULT_SOCKET.exists() and not _context(user)) or shutil.which("docker", path=user.get("PATH")) is None:
        return None
    command = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    host = asked.stdout.strip()
    return host if asked.returncode == 0 and host != f"unix://{DEFAULT_SOCKET}" else None


def _context(user: Mapping[str, str]) -> str:
    """The docker context that the user has chosen; empty for the default one."""
    chosen = user.get("DOCKER_CONTEXT", "")
    if not chosen:
        file = Path(user.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
        try:
            chosen = json.loads(file.read_text(encoding="utf-8")).get("currentContext", "")
        except (OSError, ValueError, AttributeError):
            return ""
    return "" if chosen == "default" else str(chosen)
