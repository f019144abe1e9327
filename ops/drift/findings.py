"""How the host differs from what was deployed: one kind of difference a function."""

import base64
import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from engine.address import Address, of_user
from engine.client import find
from engine.edge import Edge
from ops.drift import older, own
from ops.drift.deployed import Deployed
from ops.drift.flip import flips
from rollout import state
from settings.values import MIB

_LIMITS = {
    "memory": ("Memory", MIB),
    "memorySwap": ("MemorySwap", MIB),
    "memoryReservation": ("MemoryReservation", MIB),
    "cpuQuota": ("CpuQuota", 1),
}
"""The provider's inputs, to the engine's fields and the size of one unit."""
_SHARES = 1024  # the engine's own, where it notes none


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One difference. `what` holds no secret. `mend` are the commands after which it is gone."""

    kind: str
    what: str
    mend: Sequence[str]


def findings(wanted: Deployed, client: docker.DockerClient, where: Address) -> list[Finding]:
    """Every difference, the gravest kinds first."""
    look = _Look(wanted, client, where)
    return [
        *look.gone(),
        *look.stopped(),
        *look.changed(),
        *look.opened(),
        *look.limits(),
        *look.flip(),
        *look.files(),
        *look.foreign(),
    ]


class _Look:
    """One look at the host: every container of the stack is asked for once."""

    def __init__(self, wanted: Deployed, client: docker.DockerClient, where: Address) -> None:
        self._wanted, self._client = wanted, client
        found = {name: find(client, name) for name in wanted.containers}
        self._there = {name: container for name, container in found.items() if container}
        self._remade: set[str] = set()
        self._newer: set[str] = set()
        self._docker = "docker" if where == of_user() else f"docker --host {where}"
        self._up = f"pulumi up --refresh --stack {wanted.stack}"

    def gone(self) -> Iterator[Finding]:
        for name in self._wanted.containers.keys() - self._there.keys():
            yield Finding(kind="gone", what=f"the container {name} does not exist", mend=[self._up])
        here = {str(network.name) for network in self._client.networks.list()}
        for name in self._wanted.networks:
            if name not in here:
                yield Finding(kind="gone", what=f"the network {name} does not exist", mend=[self._up])
        stored = {volume.name for volume in self._client.volumes.list()}
        for name in self._wanted.volumes:
            if name not in stored:
                yield Finding(kind="gone", what=f"the volume {name} does not exist", mend=[self._up])

    def stopped(self) -> Iterator[Finding]:
        for name, container in self._there.items():
            status = container.status
            # Not by `mustRun`: a refresh takes a stopped container for one that need not run.
            if self._wanted.containers[name].get("restart", "no") != "no" and status != "running":
                verb = "unpause" if status == "paused" else "start"
                yield Finding(kind="stopped", what=f"{name} is {status}", mend=[f"{self._docker} {verb} {name}"])

    def changed(self) -> Iterator[Finding]:
        """Containers that somebody has made anew, or taken off a network; no provider's refresh sees any of it."""
        for name, container in self._there.items():
            inputs = self._wanted.containers[name]
            if container.id != self._wanted.ids[name] and own.is_own(container, inputs):
                yield self._older(name, "is another one than the state has")
                self._newer.add(name)
                continue
            if parts := [*self._parts(name, container, inputs)]:
                mend = [f"{self._docker} rm --force {name}", self._up]
                yield Finding(kind="changed", what=f"{name} has another {', '.join(parts)}", mend=mend)
                self._remade.add(name)
                continue
            joined = container.attrs["NetworkSettings"]["Networks"]
            for network in inputs.get("networksAdvanced") or []:
                if network["name"] not in joined:
                    address = f" --ip {network['ipv4Address']}" if network.get("ipv4Address") else ""
                    aliases = "".join(f" --alias {alias}" for alias in network.get("aliases") or [])
                    command = f"{self._docker} network connect{address}{aliases} {network['name']} {name}"
                    yield Finding(kind="changed", what=f"{name} is not on {network['name']}", mend=[command])

    def _older(self, name: str, why: str) -> Finding:
        mend = [older.mend(self._wanted.stack), self._up]
        return Finding(kind="older", what=f"{older.WHAT}: {name} {why}", mend=mend)

    def opened(self) -> Iterator[Finding]:
        """Networks that somebody has made anew, open to the outside or closed to it."""
        for network in self._client.networks.list():
            name = str(network.name)
            wanted = self._wanted.networks.get(name)
            if wanted is None or bool(network.attrs["Internal"]) == bool(wanted.get("internal")):
                continue
            joined = sorted(found["Name"] for found in self._client.networks.get(name).attrs["Containers"].values())
            leave = [f"{self._docker} network disconnect --force {name} {container}" for container in joined]
            what = f"the network {name} is {'not ' if wanted.get('internal') else ''}internal"
            again = "; look again behind the commands, for the containers must then be connected to the new one"
            mend = [*leave, f"{self._docker} network rm {name}", self._up]
            yield Finding(kind="changed", what=f"{what}{again}", mend=mend)

    def _parts(self, name: str, container: Container, inputs: Mapping[str, Any]) -> Iterator[str]:
        config = container.attrs["Config"]
        if config["Image"] != inputs.get("image"):
            yield "image"
        own = older.environment_of_image(self._client, container)
        if own is not None and {*(config["Env"] or [])} - own != {*(inputs.get("envs") or [])} - own:
            yield "environment"
        if inputs.get("user") and config["User"] != inputs["user"]:
            yield "user"
        if inputs.get("command") and config["Cmd"] != inputs["command"]:
            yield "command"
        host = container.attrs["HostConfig"]
        if bool(host["ReadonlyRootfs"]) != bool(inputs.get("readOnly")) or host["Privileged"]:
            yield "set of rights"
        if container.id != self._wanted.ids[name]:
            yield "id: it was made by hand"

    def limits(self) -> Iterator[Finding]:
        for name in self._there.keys() - self._remade - self._newer:  # which get their limits when they are made anew
            container, inputs = self._there[name], self._wanted.containers[name]
            host = container.attrs["HostConfig"]
            wanted: dict[str, int | str] = {
                field: int(inputs[key] * unit) for key, (field, unit) in _LIMITS.items() if inputs.get(key)
            }
            if inputs.get("cpus"):
                wanted["NanoCpus"] = round(float(inputs["cpus"]) * 1e9)
            if pids := self._wanted.pids.get(name):
                wanted["PidsLimit"] = pids
            wanted["RestartPolicy"] = inputs.get("restart") or "no"
            has = {**host, "RestartPolicy": host["RestartPolicy"]["Name"] or "no"}
            shares = int(inputs.get("cpuShares") or _SHARES)
            if shares != (host["CpuShares"] or _SHARES):  # else no command may note a number where there is none
                wanted["CpuShares"] = shares
            if differ := [
                f"{field} {has[field]} in place of {value}" for field, value in wanted.items() if has[field] != value
            ]:
                mend = [f"{self._docker} update {_options(wanted)} {name}"]
                yield Finding(kind="limits", what=f"{name} has {', '.join(differ)}", mend=mend)

    def flip(self) -> Iterator[Finding]:
        edge = f"{self._wanted.stack}-nginx"
        if not self._wanted.live or edge not in self._there or self._there[edge].status != "running":
            return
        for what, mend in flips(self._wanted, state.read(Edge(self._client, edge)), self._up):
            yield Finding(kind="flip", what=what, mend=mend)

    def files(self) -> Iterator[Finding]:
        for name, container in self._there.items():
            inputs = self._wanted.containers[name]
            uploads = {entry["file"]: _content(entry) for entry in inputs.get("uploads") or []}
            if not uploads or name in self._newer:
                continue
            volume = name.removesuffix("-files")
            found = _files(container, "/files") if all(path.startswith("/files/") for path in uploads) else {}
            if differ := sorted(path for path, text in uploads.items() if found.get(path) != text):
                shown = ", ".join(path.removeprefix("/files/") for path in differ[:3]) + (
                    " and more" if len(differ) > 3 else ""
                )
                mend = [f"{self._docker} rm --force {name}", self._up]
                yield Finding(kind="file", what=f"in the volume {volume}, {shown} differs or is missing", mend=mend)
            folders = {posixpath.dirname(path) for path in uploads}
            # In other folders are the files of releases before.
            for path in sorted(path for path in found.keys() - uploads.keys() if posixpath.dirname(path) in folders):
                run = f"{self._docker} run --rm --user 0 --network none --volume {volume}:/files --entrypoint rm"
                mend = [f"{run} {inputs['image']} {quote(path)}"]
                why = "was added by hand, or the last update no longer needs it"
                what = f"in the volume {volume}, {path.removeprefix('/files/')} {why}"
                yield Finding(kind="file", what=what, mend=mend)

    def foreign(self) -> Iterator[Finding]:
        for name in self._wanted.networks:
            try:
                joined = self._client.networks.get(name).attrs["Containers"]
            except NotFound:
                continue
            for stranger in sorted({found["Name"] for found in joined.values()} - self._wanted.containers.keys()):
                if own.is_unrecorded(self._client, stranger, self._wanted.stack):
                    yield self._older(stranger, f"is on the network {name}, and the state does not have it")
                    continue
                leave = f"{self._docker} network disconnect --force {name} {stranger}"
                yield Finding(kind="foreign", what=f"{stranger} is on the network {name}", mend=[leave])


def _content(upload: Mapping[str, Any]) -> bytes:
    return (
        base64.b64decode(upload["contentBase64"])
        if upload.get("contentBase64")
        else str(upload.get("content") or "").encode()
    )


def _options(limits: Mapping[str, int | str]) -> str:
    """The options of `docker update` that set these limits."""
    spelled = {
        "Memory": lambda value: f"--memory {value}",
        "MemorySwap": lambda value: f"--memory-swap {value}",
        "MemoryReservation": lambda value: f"--memory-reservation {value}",
        "CpuQuota": lambda value: f"--cpu-quota {value}",
        "CpuShares": lambda value: f"--cpu-shares {value}",
        "RestartPolicy": lambda value: f"--restart {value}",
        "NanoCpus": lambda value: f"--cpus {value / 1e9:g}",
        "PidsLimit": lambda value: f"--pids-limit {value}",
    }
    return " ".join(spelled[field](value) for field, value in limits.items())


def _files(container: Container, folder: str) -> dict[str, bytes]:
    """Every file below a folder of a container, running or not, by its path."""
    try:
        chunks, _ = container.get_archive(folder)
    except APIError:
        return {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        read = ((entry.name, archive.extractfile(entry)) for entry in archive.getmembers() if entry.isfile())
        return {f"/{name}": file.read() for name, file in read if file}
