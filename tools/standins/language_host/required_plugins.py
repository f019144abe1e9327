"""Lists the plugins that installed Pulumi packages need, as JSON on stdout.

The program's own interpreter runs this script. It need not have the language host's packages, so the script uses the
standard library only. Every Pulumi SDK package carries a `pulumi-plugin.json` that names its plugin.
"""

import json
from importlib.metadata import Distribution, distributions
from typing import NamedTuple


class Plugin(NamedTuple):
    """One resource plugin: name, version without a leading `v`, and its download server (empty: Pulumi's own)."""

    name: str
    version: str
    server: str = ""


def required() -> list[Plugin]:
    """The plugins needed by all installed packages, by name."""
    return sorted(filter(None, map(_plugin, distributions())))


def _plugin(package: Distribution) -> Plugin | None:
    manifest = next((file for file in package.files or () if file.name == "pulumi-plugin.json"), None)
    if manifest is None:
        return None
    plugin = json.loads(manifest.read_text(encoding="utf-8"))
    if not plugin.get("resource"):
        return None
    name = plugin.get("name") or package.name.replace("_", "-").removeprefix("pulumi-")
    version = plugin.get("version") or package.version
    return Plugin(name, version.removeprefix("v"), plugin.get("server", ""))


if __name__ == "__main__":
    print(json.dumps([plugin._asdict() for plugin in required()]))
