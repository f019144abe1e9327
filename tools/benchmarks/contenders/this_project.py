"""This project: a stack deployed by `pulumi up`, with its own edge, flipped by `python -m rollout`."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker

from tools.benchmarks.contenders import BLUE, GREEN, Contender
from tools.benchmarks.failed import Failed
from tools.benchmarks.host import EDGE_NETWORK, NGINX_VERSION, PORTS, STACK, Backends, address, cores, printed
from tools.lab.project import ROOT, Project

# The program of the fault tests: the edge with a workload in two colours behind it, and nothing else.
_PROGRAM = ROOT / "tests" / "faults" / "program.py"
_HTTP, _HTTPS = PORTS[:2]


def deploy(engine: docker.DockerClient, folder: Path, image: str) -> tuple[Contender, Backends]:
    """Release both versions of the backend, so that each colour has one; other contenders may then use the same two."""
    project = Project(folder / "checkout", folder / "state", STACK, _config(image, BLUE))
    shutil.copy(_PROGRAM, project.folder / "__main__.py")
    _pulumi(project, "stack", "init")
    _pulumi(project, "up", "--yes", "--skip-preview")
    project.write(_config(image, GREEN))
    _pulumi(project, "up", "--yes", "--skip-preview")
    outputs = project.outputs()
    back = subprocess.run(_rollout("flip", "--to", "blue"), cwd=ROOT, capture_output=True, text=True, check=False)
    if back.returncode:
        raise Failed(f"The stack cannot be flipped:\n{back.stderr}")
    ca = folder / "stack-ca.pem"
    ca.write_text(outputs["ca"])
    contender = Contender(
        name="this project",
        software=printed(engine, f"{STACK}-nginx", NGINX_VERSION),
        url=outputs["url"],
        direct=f"{address(engine, f'{STACK}-nginx', EDGE_NETWORK)}:8443",
        ca=ca,
        forth=_rollout("flip", "--to", "green"),
        back=_rollout("rollback"),
        # A rollback rejects the release that was live, which is to go live again here.
        tidy=_rollout("allow", outputs["release"]),
    )
    network = f"{STACK}-app-network"
    backends = Backends(
        network=network,
        blue=f"{STACK}-api-blue:8000",
        green=f"{STACK}-api-green:8000",
        direct=f"{address(engine, f'{STACK}-api-blue', network)}:8000",
    )
    return contender, backends


def _config(image: str, version: str) -> dict[str, Any]:
    # No share of the processor is left out for anyone, and nobody counts requests, or the run would measure limits.
    edge = {"bind": "127.0.0.1", "httpPort": _HTTP, "httpsPort": _HTTPS, "rateLimit": "off", "cpus": str(cores())}
    return {
        "profile": "development",
        "OLLAMA_VERSION": "local",
        "OLLAMA_MODELS": ["none:1"],
        "IMAGE_TAG": "1",
        "edge": edge,
        "network": {"cidr": "10.79.0.0/20"},
        "api": {"image": image, "env": {"VERSION": version}, "egress": False, "smoke": False, "cpus": str(cores())},
        "rollout": {"watch": "1s", "gatePasses": 2},
    }


def _pulumi(project: Project, *words: str) -> None:
    done = project.pulumi(*words, check=False)
    if done.returncode:
        raise Failed(f"pulumi {words[0]} of the stack {STACK} failed:\n{done.stdout}\n{done.stderr}")


def _rollout(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "rollout", *words, "--stack", STACK)
