"""The Python that runs the user's program, and its installed packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from pulumi.runtime.proto import language_pb2

from tools.standins.language_host import required_plugins


class UnusableProgram(Exception):
    """The project uses something that this host does not support. The text names it and what to do instead."""


class Interpreter(NamedTuple):
    """A Python executable, the environment to start it in, and its virtual environment (None: the ambient Python)."""

    executable: str
    environment: dict[str, str]
    virtualenv: Path | None


def for_program(info: language_pb2.ProgramInfo) -> Interpreter:
    """The interpreter that `runtime.options` of Pulumi.yaml ask for: the `virtualenv` named there, else the PATH's.

    Raises UnusableProgram for options of the official host that are not supported here.
    """
    options = {key: info.options[key] for key in info.options}
    if options.get("toolchain", "pip") != "pip" or "typechecker" in options:
        raise UnusableProgram(
            "this stand-in language host knows the runtime options `virtualenv` and `toolchain: pip` only; "
            "remove `typechecker` and other toolchains from Pulumi.yaml, or install the official Pulumi CLI"
        )
    virtualenv = options.get("virtualenv", "")
    if not isinstance(virtualenv, str):
        raise UnusableProgram("virtualenv option must be a string")
    if virtualenv:
        return _in_virtualenv(Path(info.root_directory) / virtualenv)
    wanted = os.environ.get("PULUMI_PYTHON_CMD")
    names = [wanted] if wanted else ["python3", "python"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise UnusableProgram(f"failed to locate any of {', '.join(names)} on your PATH; install Python 3.11 or newer")
    return Interpreter(found, dict(os.environ), None)


def check(interpreter: Interpreter) -> None:
    """Raise UnusableProgram if the virtual environment is not there."""
    if interpreter.virtualenv and not Path(interpreter.executable).is_file():
        raise UnusableProgram(
            f"the 'virtualenv' option in Pulumi.yaml names {interpreter.virtualenv}, which is no virtual environment; "
            "run `pulumi install` to create it"
        )


def plugins(interpreter: Interpreter) -> list[required_plugins.Plugin]:
    """The resource plugins that the Pulumi packages installed for this interpreter need."""
    check(interpreter)
    command = [interpreter.executable, "-I", required_plugins.__file__]
    listed = subprocess.run(command, env=interpreter.environment, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise UnusableProgram(f"could not list the packages of {interpreter.executable}: {listed.stderr.strip()}")
    return [required_plugins.Plugin(**plugin) for plugin in json.loads(listed.stdout)]


def installation(interpreter: Interpreter, directory: str) -> list[list[str]]:
    """The commands, run in `directory`, that install the program's requirements."""
    commands = []
    if interpreter.virtualenv and not Path(interpreter.executable).is_file():
        commands.append([sys.executable, "-m", "venv", str(interpreter.virtualenv)])
    if (Path(directory) / "requirements.txt").is_file():
        commands.append([interpreter.executable, "-m", "pip", "install", "-r", "requirements.txt"])
    return commands


def dependencies(interpreter: Interpreter, transitive: bool) -> list[tuple[str, str]]:
    """Installed packages as (name, version); without `transitive` only those that no other package requires."""
    check(interpreter)
    command = [interpreter.executable, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    if not transitive:
        command.append("--not-required")
    listed = subprocess.run(command, env=interpreter.environment, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise UnusableProgram(f"`{' '.join(command)}` failed: {listed.stderr.strip()}")
    return [(package["name"], package["version"]) for package in json.loads(listed.stdout)]


def version(interpreter: Interpreter) -> str:
    """The interpreter's version, as `3.11.2`."""
    check(interpreter)
    command = [interpreter.executable, "-I", "-c", "import platform; print(platform.python_version())"]
    return subprocess.check_output(command, env=interpreter.environment, text=True).strip()


def _in_virtualenv(path: Path) -> Interpreter:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    environment["VIRTUAL_ENV"] = str(path)
    environment["PATH"] = os.pathsep.join(filter(None, [str(path / "bin"), os.environ.get("PATH")]))
    return Interpreter(str(path / "bin" / "python"), environment, path)
