"""This project: a stack deployed by `pulumi up`, with its own edge, flipped by `python -m rollout`."""

import subprocess
import sys
from pathlib import Path

import docker

from tools.benchmarks.contenders import Contender
from tools.benchmarks.failed import Failed
from tools.benchmarks.host import EDGE_NETWORK, NGINX_VERSION, PLACE, STACK, Backends, address, cores, printed
from tools.lab.project import ROOT
from tools.lab.stack import SmallStack


def deploy(engine: docker.DockerClient, folder: Path, image: str) -> tuple[Contender, Backends]:
    """Release both versions of the backend, so that each colour has one; other contenders may then use the same two."""
    # No share of the processor is left out for anyone, or the run would measure limits.
    cpus = str(cores())
    base = folder / "stack"
    base.mkdir()
    stack = SmallStack(base, engine, image, PLACE, edge={"cpus": cpus}, api={"cpus": cpus, "smoke": False})
    try:
        stack.create()
        stack.release()
        outputs = stack.outputs()
    except AssertionError as error:
        raise Failed(f"The stack {STACK} cannot be deployed:\n{error}") from None
    back = subprocess.run(_rollout("flip", "--to", "blue"), cwd=ROOT, capture_output=True, text=True, check=False)
    if back.returncode:
        raise Failed(f"The stack cannot be flipped:\n{back.stderr}")
    contender = Contender(
        name="this project",
        software=printed(engine, f"{STACK}-nginx", NGINX_VERSION),
        url=stack.url,
        direct=f"{address(engine, f'{STACK}-nginx', EDGE_NETWORK)}:8443",
        ca=stack.ca,
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


def _rollout(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "rollout", *words, "--stack", STACK)
