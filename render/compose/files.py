"""What a Compose file lays into the volumes of a stack: the files, and the one-shot `files` that puts them there.

Compose gives no file to a read-only container. So a service that may be written to gets all of them, and copies them
into the volumes, as a carrier does for Pulumi (components/storage.py).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from render import monitoring, nginx
from settings import Settings
from settings.values import MIB
from workloads.places import CONFIG, STATE
from workloads.stack import Stack
from workloads.storage import Mount, Volume
from workloads.workload import Capabilities, Exemption, Resources, Workload

FILES = "files"
_SOURCE, _VOLUMES = "/files", "/volumes"


def carrier(settings: Settings, stack: Stack) -> Workload:
    """The one-shot that fills the volumes, among them the state volume, whose link names the edge's configuration."""
    volumes = {files.volume: files for _, files in stack.files}
    state = next(mount.volume for mount in stack.edge.mounts if mount.path == STATE)
    return Workload(
        name=f"{settings.stack}-{FILES}",
        service=FILES,
        purpose="lays the files of the other services into their volumes, and ends",
        image=stack.edge.image,
        user="0:0",
        entrypoint=("/bin/sh", "-c"),
        command=(_script(settings, stack),),
        networks=(),
        mounts=tuple(
            Mount(volume=volume, path=f"{_VOLUMES}/{volume_key(volume, settings)}", read_only=False)
            for volume in (*volumes, state)
        ),
        resources=Resources(memory=64 * MIB, cpus=Decimal("0.5"), pids=32),
        restart="no",
        advice="Correct the files that it names.",
        read_only=False,
        # The two files of the certificate belong to whoever has written them.
        capabilities=Capabilities(add=("CAP_DAC_READ_SEARCH",)),
        exemptions=(
            Exemption(rule="non-root", reason="a new volume belongs to uid 0"),
            Exemption(rule="read-only", reason="Compose gives files to containers that are not read-only alone"),
            Exemption(rule="capabilities", reason="it reads a key that may belong to any user of the host"),
            Exemption(rule="health-check", reason="it runs to its end; its exit code is the answer"),
            Exemption(rule="restart", reason="the other services wait for its success"),
        ),
    )


def contents(settings: Settings, stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Every file that is laid into a volume: its name as a config of Compose, its place in `files`, its text."""
    config, release = nginx.render(settings), _release(settings)
    for volume, found in texts(settings, stack).items():
        for file, text in sorted(found.items()):
            yield f"{volume}-{file}".replace("/", "-"), f"{_SOURCE}/{volume}/{file}", text
    for file, text in sorted(config.files.items()):
        yield f"nginx-{file}".replace("/", "-"), f"{_SOURCE}/edge-config/{release}/{file}", text


def texts(settings: Settings, stack: Stack) -> Mapping[str, Mapping[str, str]]:
    """The key of each volume, to the text of each file that is laid into it: those of a workload, and rendered ones."""
    rendered = monitoring.render(settings)
    return {
        volume_key(files.volume, settings): {**files.contents, **rendered.get(files.volume.name, {})}
        for _, files in stack.files
    }


def secret_files(settings: Settings, stack: Stack) -> dict[str, str]:
    """The name of each secret that a service gets as a file, and its place in the volumes."""
    found = {name: f"{volume_key(files.volume, settings)}/{name}" for _, files in stack.files for name in files.secrets}
    for volume, files in monitoring.secrets(settings).items():
        key = volume_key(Volume(name=volume), settings)
        found |= {f"{key}-{name}": f"{key}/{name}" for name in files}
    return found


def pair(settings: Settings) -> tuple[str, str]:
    """The paths of the edge's certificate and of its key, if no variable names others."""
    tls = settings.edge.tls
    return tls.certificate_file or "./tls.crt", tls.key_file or "./tls.key"


def key_id(settings: Settings) -> str:
    """The id of the one API key that the file can give out; empty where the edge needs none."""
    return next(iter(settings.edge.api_keys or {}), "")


def volume_key(volume: Volume, settings: Settings) -> str:
    return volume.name.removeprefix(f"{settings.stack}-")


def _script(settings: Settings, stack: Stack) -> str:
    """The configuration becomes the running one as the step `configure` does it for Pulumi, without its checks."""
    keys = f"{_VOLUMES}/edge-config/{_release(settings)}/conf.d/45-keys.conf"
    lines = [
        "set -eu",
        "umask 022",
        f"cp -r {_SOURCE}/. {_VOLUMES}/",
        "for part in certificate key; do",
        '  [ -s /run/secrets/tls_$part ] || { echo "no file with the certificate\'s $part" >&2; exit 1; }',
        "done",
        "umask 027",
        "cp /run/secrets/tls_certificate /volumes/edge-certificates/tls.crt",
        "cp /run/secrets/tls_key /volumes/edge-certificates/tls.key",
        "chmod 0440 /volumes/edge-certificates/tls.*",
    ]
    for name, place in secret_files(settings, stack).items():
        lines += [f"cp /run/secrets/{name} {_VOLUMES}/{place}", f"chmod 0440 {_VOLUMES}/{place}"]
    if key := key_id(settings):
        lines += [
            "digest=$(tr -d '\\n' </run/secrets/api_key | sha256sum | cut -d' ' -f1)",
            # As render/keys.py writes a key of the stack's configuration.
            f'sed -i "s|^map .key_digest .key_id {{|&\\n    $digest  {key};|" {keys}',
            f"grep -q $digest {keys}",
        ]
    return "\n".join([*lines, f"ln -sfn {CONFIG}/{_release(settings)} {_VOLUMES}/edge-state/config", ""])


def _release(settings: Settings) -> str:
    """The folder of the edge's configuration in its volume."""
    return f"releases/{nginx.render(settings).id}"
