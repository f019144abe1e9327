"""The docker and command plugins: the official ones if they can be downloaded, else the stand-ins of this checkout."""

import os
from collections.abc import Mapping
from pathlib import Path

from tools.toolchain import paths, pins, processes
from tools.toolchain.progress import Step
from tools.toolchain.pulumi_cli import Cli, Way
from tools.toolchain.stand_ins import PLUGINS, StandIns


def wanted() -> dict[str, str]:
    """Plugin name to version, which is the version of the plugin's Python package."""
    return {name: pins.pinned(f"pulumi-{name}") for name in PLUGINS}


def own_home() -> Path:
    """The PULUMI_HOME for stand-ins. The toolchain never installs a stand-in into the user's own."""
    return paths.state() / "pulumi-home"


def users_home(environment: Mapping[str, str]) -> Path:
    """The PULUMI_HOME of the user."""
    set_to = environment.get("PULUMI_HOME")
    return Path(set_to) if set_to and Path(set_to) != own_home() else Path.home() / ".pulumi"


def way(environment: Mapping[str, str]) -> Way:
    """Which plugins to use: the official ones if the user has all of them, else the stand-ins."""
    home = users_home(environment)
    return "official" if all(_place(home, name).exists() for name in PLUGINS) else "stand-in"


def install_official(cli: Cli, step: Step) -> None:
    """Let the official CLI download the plugins that the user's home lacks. If it cannot, print that and continue."""
    home = users_home(os.environ)
    missing = {name: version for name, version in wanted().items() if not _place(home, name).exists()}
    if not missing or cli.way != "official":
        return
    with step.doing("fetching the official plugins"):
        for name, version in missing.items():
            command = [str(cli.binary), "plugin", "install", "resource", name, version]
            try:
                processes.run(command, log=paths.log("plugins"), env=os.environ | {"PULUMI_HOME": str(home)})
            except processes.CommandFailed:
                step.say(f"cannot fetch {name} {version} ({paths.log('plugins')}); using the stand-in")


def are_linked(stand_ins: StandIns) -> bool:
    """Whether the toolchain's PULUMI_HOME links to these stand-ins."""
    return all(_place(own_home(), name).resolve() == stand_ins.plugins / _file(name) for name in PLUGINS)


def link(stand_ins: StandIns) -> None:
    """Link these stand-ins into the toolchain's PULUMI_HOME."""
    for name in PLUGINS:
        place = _place(own_home(), name)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(stand_ins.plugins / place.name)
        fresh.replace(place)


def _place(home: Path, name: str) -> Path:
    return home / "plugins" / f"resource-{name}-v{wanted()[name]}" / _file(name)


def _file(name: str) -> str:
    return f"pulumi-resource-{name}"
