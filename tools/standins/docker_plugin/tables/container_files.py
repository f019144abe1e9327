"""Container inputs about files: volumes, mounts, tmpfs, uploads."""

from typing import Any

from tools.standins.docker_plugin.refusals import no_base64, no_path, pattern
from tools.standins.docker_plugin.routes import Form, at
from tools.standins.docker_plugin.schema import Body, Effect, Field, Kind, Route


def _write_volumes(value: list[dict[str, Any]], body: Body) -> None:
    for item in value:
        mode = "ro" if item.get("readOnly") else "rw"
        source = item.get("volumeName") or item.get("hostPath")
        if item.get("fromContainer"):
            body["HostConfig"].setdefault("VolumesFrom", []).append(f"{item['fromContainer']}:{mode}")
        elif source:
            label = f",{item['selinuxRelabel']}" if item.get("selinuxRelabel") else ""
            bind = f"{source}:{item.get('containerPath', '')}:{mode}{label}"
            body["HostConfig"].setdefault("Binds", []).append(bind)
        else:
            body["Config"].setdefault("Volumes", {})[item.get("containerPath", "")] = {}


_MOUNT = {"type": "Type", "target": "Target", "source": "Source", "readOnly": "ReadOnly"}


def _write_mount(item: dict[str, Any]) -> dict[str, Any]:
    mount = {theirs: item[name] for name, theirs in _MOUNT.items() if item.get(name)}
    tmpfs, bind = item.get("tmpfsOptions"), item.get("bindOptions")
    if tmpfs:
        mount["TmpfsOptions"] = {"SizeBytes": tmpfs.get("sizeBytes", 0), "Mode": tmpfs.get("mode", 0)}
    if bind:
        mount["BindOptions"] = {"Propagation": bind.get("propagation", "")}
    return mount


def _read_mount(found: dict[str, Any]) -> dict[str, Any]:
    mount: dict[str, Any] = {name: found[theirs] for name, theirs in _MOUNT.items() if theirs in found}
    tmpfs, bind = found.get("TmpfsOptions"), found.get("BindOptions")
    if tmpfs:
        mount["tmpfsOptions"] = {"sizeBytes": tmpfs.get("SizeBytes", 0), "mode": tmpfs.get("Mode", 0)}
    if bind and bind.get("Propagation"):
        mount["bindOptions"] = {"propagation": bind["Propagation"]}
    return mount


MOUNTS = Form(lambda value: [_write_mount(item) for item in value], lambda value: [_read_mount(item) for item in value])

_STATE = Effect.STATE

FIELDS = (
    Field(
        "volumes",
        Kind.BLOCK_SET,
        route=Route(_write_volumes),
        fields=(
            Field("containerPath"),
            Field("fromContainer"),
            Field("hostPath", refusal=no_path),
            Field("readOnly", Kind.BOOL),
            Field("selinuxRelabel", refusal=pattern("^(z|Z)$")),
            Field("volumeName"),
        ),
    ),
    Field(
        "mounts",
        Kind.BLOCK_SET,
        route=at("HostConfig.Mounts", MOUNTS),
        fields=(
            Field("target", Kind.STRING, _STATE, required=True),
            Field("type", Kind.STRING, _STATE, required=True, refusal=pattern("^(bind|volume|tmpfs)$")),
            Field("source", Kind.STRING, _STATE),
            Field("readOnly", Kind.BOOL, _STATE),
            Field(
                "bindOptions",
                Kind.BLOCK,
                _STATE,
                fields=(
                    Field(
                        "propagation",
                        Kind.STRING,
                        _STATE,
                        refusal=pattern("^(private|rprivate|shared|rshared|slave|rslave)$"),
                    ),
                ),
            ),
            Field(
                "tmpfsOptions",
                Kind.BLOCK,
                fields=(Field("sizeBytes", Kind.INT), Field("mode", Kind.INT)),
            ),
            Field("volumeOptions", Kind.BLOCK, supported=False),
        ),
    ),
    Field("tmpfs", Kind.MAP, _STATE, at("HostConfig.Tmpfs")),
    Field(
        "uploads",
        Kind.BLOCK_SET,
        fields=(
            Field("file", required=True),
            Field("content"),
            Field("contentBase64", refusal=no_base64),
            Field("executable", Kind.BOOL, initial=False),
            Field("permissions", refusal=pattern("^0[0-7]{3}$")),
            Field("source"),
            Field("sourceHash"),
        ),
    ),
    Field("storageOpts", Kind.MAP, route=at("HostConfig.StorageOpt")),
)
