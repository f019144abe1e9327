"""The environment variables in which `pulumi` and this project's commands find what the setup has made.

What concerns Pulumi is imported where it is needed: a rollback has no time for it.
"""

import contextlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.loopback import unproxied
from tools.toolchain import docker_cli, paths, problems, venv

if TYPE_CHECKING:
    from tools.toolchain.pulumi_cli import Cli
    from tools.toolchain.stand_ins import StandIns


@dataclass(frozen=True)
class Installed:
    """What a finished setup offers: directories for the front of the PATH, and a PULUMI_HOME with stand-in plugins.

    `plugins` is the directory of those stand-ins, for a user who has a PULUMI_HOME of their own (None: official ones).
    """

    path: tuple[Path, ...]
    plugins: Path | None


def stand_ins(cli: "Cli") -> "StandIns | None":
    """The stand-ins that this machine needs beside a CLI, there or not; None where all is official."""
    from tools.toolchain import provider_plugins
    from tools.toolchain.stand_ins import locate

    all_official = cli.way == "official" and provider_plugins.way(os.environ) == "official"
    return None if all_official else locate(cli, venv.python())


def installed() -> Installed:
    """What is there. Raises Problem where the setup has not been run, or not to its end."""
    from tools.toolchain import compose, provider_plugins, pulumi_cli

    cli = pulumi_cli.find()
    needed = stand_ins(cli) if cli else None
    if cli is None or not venv.is_ready() or (needed and not needed.is_ready):
        raise problems.Problem(_NOT_SET_UP)
    commands = needed.commands if needed and cli.way == "stand-in" else cli.directory
    plugins = needed.plugins if needed and provider_plugins.way(os.environ) == "stand-in" else None
    if needed and plugins and not provider_plugins.are_linked(needed):
        provider_plugins.link(needed)
    tests = (compose.location(),) if compose.is_ready() else ()
    return Installed((commands, venv.python().parent, *tests), plugins)


def variables(user: Mapping[str, str], found: Installed) -> dict[str, str]:
    """What to set on top of the user's environment `user`. Whatever the user has set already stays as it is; a list of
    exceptions from a proxy may get longer."""
    from tools.toolchain import provider_plugins

    home, state = str(provider_plugins.own_home()), paths.state()
    wanted = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    path = list(map(str, found.path))
    if found.plugins:
        wanted |= {"PULUMI_HOME": home, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
        if user.get("PULUMI_HOME", home) != home:
            path.append(str(found.plugins))
    if "PULUMI_ACCESS_TOKEN" not in user:
        # Beside each state file Pulumi would write one of attributes, in place: killed just then, it could not read the
        # state again ("EOF"). It needs none, and replaces the state itself by a rename.
        wanted["PULUMI_BACKEND_URL"] = f"file://{state / 'pulumi'}?metadata=skip"
    if "PULUMI_CONFIG_PASSPHRASE" not in user:
        wanted["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(state / "passphrase")
    # A stack's file without the salt of its secrets is as good as one with it: the state holds it too.
    wanted["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] = "true"
    set_here = {name: value for name, value in wanted.items() if name not in user}
    return _path(user, path) | set_here | _engine(user) | unproxied(user)


def python_alone(user: Mapping[str, str]) -> dict[str, str]:
    """The part of `variables` for a command that needs the Python packages and an engine, but no Pulumi.

    It is found in a moment, also where the setup has not come as far as Pulumi. Raises Problem without the packages.
    """
    if not venv.is_ready():
        raise problems.Problem(_NOT_SET_UP)
    return _path(user, [str(venv.python().parent)]) | _engine(user)


def prepare_state() -> None:
    """Make the directory of the stacks' state, and once and for all the passphrase of their secrets."""
    (paths.state() / "pulumi").mkdir(parents=True, exist_ok=True)
    passphrase = paths.state() / "passphrase"
    if passphrase.exists():
        return
    import secrets

    fresh = passphrase.with_name(f".passphrase.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    # Whoever comes first has made it; a link never replaces.
    with contextlib.suppress(FileExistsError):
        os.link(fresh, passphrase)
    fresh.unlink()


def exports(additions: Mapping[str, str]) -> str:
    """Shell lines that set these variables, for `eval`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in additions.items())


def _path(user: Mapping[str, str], front: list[str]) -> dict[str, str]:
    rest = [place for place in user.get("PATH", os.defpath).split(os.pathsep) if not _is_ours(place)]
    return {"PATH": os.pathsep.join(front + rest)}


def _engine(user: Mapping[str, str]) -> dict[str, str]:
    host = None if "DOCKER_HOST" in user else docker_cli.host_to_set(user)
    return {"DOCKER_HOST": host} if host else {}


def _is_ours(place: str) -> bool:
    return bool(place) and Path(place).is_relative_to(paths.cache())


_NOT_SET_UP = (
    "This machine is not set up for this checkout yet; nothing was started.\n"
    "Run `python3 -m tools.toolchain setup` (or `make up`, which does that first)."
)
