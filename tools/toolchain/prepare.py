"""Installs everything that the commands need. Independent parts run at the same time."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tools.toolchain import (
    apt,
    cache,
    compose,
    engine,
    environment,
    images,
    paths,
    processes,
    provider_plugins,
    pulumi_cli,
    stand_ins,
    venv,
)
from tools.toolchain.progress import Progress, Step
from tools.toolchain.pulumi_cli import Cli


def prepare(*, dev: bool = False, tools_only: bool = False) -> None:
    """Install what is missing. Prints nothing if nothing is missing. Raises Problem; finished parts stay.

    `dev` adds what tests and linters need. `tools_only` leaves out the engine and the images, for stacks on other
    hosts.
    """
    progress = Progress()
    with progress.running(), cache.lock(paths.cache() / "setup.lock", _waiting(progress)):
        if apt.usable():
            apt.restore_policy()
        environment.prepare_state()
        with ThreadPoolExecutor() as pool:
            processes.wait_for(_parts(pool, progress, dev=dev, tools_only=tools_only))
        environment.installed()


def _parts(pool: ThreadPoolExecutor, progress: Progress, *, dev: bool, tools_only: bool) -> list[Future[Any]]:
    cli = pool.submit(pulumi_cli.ensure, progress.step("pulumi CLI"))
    python = pool.submit(venv.ensure, progress.step("python packages"), dev=dev)
    plugins = pool.submit(lambda: _plugins(cli.result(), python.result(), progress.step("pulumi plugins")))
    if tools_only:
        return [cli, python, plugins]
    docker = pool.submit(engine.ensure, progress.step("docker engine"))
    tests = [pool.submit(_compose, docker, progress.step("docker compose"))] if dev else []
    return [cli, python, plugins, docker, pool.submit(_images, docker), *tests]


def _plugins(cli: Cli, python: Path, step: Step) -> None:
    provider_plugins.install_official(cli, step)
    if environment.stand_ins(cli):
        stand_ins.ensure(cli, python)


def _compose(docker: Future[None], step: Step) -> None:
    docker.result()  # which may bring the docker command, and Compose with it
    compose.ensure(step)


def _images(docker: Future[None]) -> None:
    docker.result()
    images.ensure()


def _waiting(progress: Progress) -> Callable[[str], None]:
    def tell(holder: str) -> None:
        whom = "another setup on this machine" if _is_alive(holder) else "the rest of a killed setup"
        progress.say("setup", f"waiting for {whom} (process {holder})")

    return tell


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
