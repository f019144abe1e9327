"""What a change of a setting does to a running stack, written beside every setting as data.

| effect | a change of the setting |
|---|---|
| `none` | touches nothing that serves requests |
| `reload` | is taken up by a reload of the edge; no client is cut off |
| `release` | is a blue/green release through the gate |
| `restart: <service>` | recreates the container of that service: the service is away for the time of a restart |
| `rebuild` | moves the networks or the host: everything stops; refused together with a release |

Usage: `Field(…, json_schema_extra=RELOAD)`. `settings.schema.leaves()` reads the effects of all settings.
"""

from typing import Literal

from pydantic.config import JsonDict

Effect = Literal["none", "reload", "release", "restart: ollama", "restart: edge", "rebuild"]

KEY = "effect"
"""Where the effect stands in a field's `json_schema_extra`."""


def _effect(effect: Effect) -> JsonDict:
    return {KEY: effect}


NONE = _effect("none")
RELOAD = _effect("reload")
RELEASE = _effect("release")
RESTART_OLLAMA = _effect("restart: ollama")
RESTART_EDGE = _effect("restart: edge")
REBUILD = _effect("rebuild")
