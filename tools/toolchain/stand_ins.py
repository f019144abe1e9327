"""Copies the stand-ins for Pulumi's language host and plugins into the cache. They then run without a checkout."""

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import cache, paths
from tools.toolchain.pulumi_cli import Cli

# Executable or plugin of Pulumi, and the module that stands in for it.
LANGUAGE_HOST = ("pulumi-language-python", "tools.standins.language_host")
PLUGINS = {"docker": "tools.standins.docker_plugin", "command": "tools.standins.command_plugin"}
# The Docker plugin connects to an engine over ssh with the same code as the rollout, so both reach it or neither does.
_SOURCES = (
    "tools/__init__.py",
    "tools/standins/**/*.py",
    "engine/__init__.py",
    "engine/ssh.py",
)


@dataclass(frozen=True)
class StandIns:
    """One entry of the cache.

    `commands` goes on the PATH (the built CLI with its language host), `plugins` holds the provider plugins.
    """

    entry: Path

    @property
    def commands(self) -> Path:
        return self.entry / "bin"

    @property
    def plugins(self) -> Path:
        return self.entry / "plugins"

    @property
    def is_ready(self) -> bool:
        return cache.is_complete(self.entry)


def locate(cli: Cli, python: Path) -> StandIns:
    """The cache entry for this checkout, a CLI and an interpreter. It need not exist."""
    sources = cache.key_of_files(paths.CHECKOUT, _sources())
    return StandIns(paths.cache() / "stand-ins" / cache.key(sources, str(python), str(cli.directory), cli.way))


def ensure(cli: Cli, python: Path) -> StandIns:
    """Copy the sources and write the launchers, if the cache entry is missing."""
    stand_ins = locate(cli, python)
    cache.fill(stand_ins.entry, lambda entry: _make(entry, cli, python))
    return stand_ins


def launcher(python: Path, source: Path, module: str, *arguments: str) -> str:
    """A shell script that runs a module of the copied sources, isolated from the caller's directory and settings."""
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(source)!r}); "
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    words = [str(python), "-I", "-c", code, *arguments]
    return f'#!/bin/sh\n# Stand-in made by the toolchain of orca-agents.\nexec {shlex.join(words)} "$@"\n'


def _make(entry: Path, cli: Cli, python: Path) -> None:
    source = entry / "source"
    for file in _sources():
        copy = source / file.relative_to(paths.CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    stand_ins = StandIns(entry)
    for name, module in PLUGINS.items():
        _executable(stand_ins.plugins / f"pulumi-resource-{name}", launcher(python, source, module))
    if cli.way == "stand-in":
        name, module = LANGUAGE_HOST
        executor = stand_ins.commands / f"{name}-exec"
        _executable(stand_ins.commands / name, launcher(python, source, module, "--use-executor", str(executor)))
        for file in (cli.binary, cli.directory / executor.name):
            # A link and not a symbolic one: the CLI looks for its language host beside its own real path.
            os.link(file, stand_ins.commands / file.name)


def _sources() -> list[Path]:
    return sorted(file for pattern in _SOURCES for file in paths.CHECKOUT.glob(pattern))


def _executable(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
