"""The secrets of the API's containers: files in a volume of their own, or variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from settings import Settings
from settings.api_secret import FOLDER
from settings.scalars import known
from workloads.release import keyed
from workloads.storage import Files, Mount, Value, Volume


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a container needs to get its secrets. `id` is the keyed digest of all values, empty without any."""

    id: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, Value] = field(default_factory=dict)
    files: tuple[Files, ...] = ()
    mounts: tuple[Mount, ...] = ()
    groups: tuple[str, ...] = ()


def delivery(settings: Settings) -> Delivery:
    """How the API gets its secrets.

    The files of a release are in a volume that is named by their keyed digest and filled once. So the live colour, a
    standby and a release that failed its gate each keep the values that they were made with.
    """
    secrets = settings.api.secrets
    if not secrets:
        return Delivery()
    files = {name: secret.value for name, secret in secrets.items() if secret.form == "file"}
    env = {name: secret.value for name, secret in secrets.items() if secret.form == "env"}
    laid = _laid(settings, files) if files else ()
    return Delivery(
        id=_digest(settings, {**{f"file {name}": value for name, value in files.items()}, **env}),
        env={f"{name}_FILE": f"{FOLDER}/{name}" for name in files},
        secret_env=env,
        files=laid,
        mounts=tuple(Mount(volume=found.volume, path=FOLDER) for found in laid),
        groups=("0",) if files else (),  # the files belong to root, mode 0440
    )


def volume_prefix(settings: Settings) -> str:
    """What the name of every volume with secrets of the API begins with."""
    return f"{settings.stack}-api-secrets-"


def _laid(settings: Settings, files: Mapping[str, Value]) -> tuple[Files, ...]:
    volume = Volume(name=volume_prefix(settings) + _digest(settings, files))
    return (Files(volume=volume, mode="0440", secrets=files),)


def _digest(settings: Settings, values: Mapping[str, Value]) -> str:
    """A value that is not known here counts as none: what is made of it is shown, and never applied."""
    return keyed(
        known(settings.secrets.release_key) or "", {name: known(value) or "" for name, value in values.items()}
    )
