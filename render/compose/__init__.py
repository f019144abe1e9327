"""A stack as a Docker Compose file: the same containers, networks and volumes, for a host without Pulumi.

Of the API's two colours the file has one, as the service `api`. One more service, `files`, lays what the others read
into their volumes (render/compose/files.py). The specification's variables stand in the file under
their own names, each with the stack's value as its default.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from render import nginx
from render.compose.files import FILES, carrier, contents, texts, volume_key
from render.compose.variables import API, listed, secrets, size, with_variables
from settings import Settings
from workloads.network import NetworkSpec
from workloads.release import digest
from workloads.stack import Stack
from workloads.workload import DependsOn, HealthCheck, Port, Workload

_CONDITIONS = {
    "started": "service_started",
    "healthy": "service_healthy",
    "completed": "service_completed_successfully",
}
_WIDTH = 1000  # a long value stays on one line

_HEAD = """\
# The stack `{stack}` for Docker Compose v2 (2.24 or newer), on a host without Pulumi. `make compose` writes this file
# from workloads/stack.py and Pulumi.{stack}.yaml. Change those: the next `make compose` overwrites this file.
#
#     docker compose -f docker-compose.{stack}.yml up --detach
#
# Compose takes these variables from its environment, or from a file `.env` beside this one:
{variables}
#
# The stack that Pulumi deploys from the same settings has what this file lacks:
# - Releases: here a new IMAGE_TAG restarts the API, requests fail meanwhile, and no gate tries the new image before.
# - Rollback, and an edge that takes up a new configuration or certificate without a restart.
# - Secrets from a store: here they are one variable and two files.
# - Other hosts: Compose mounts the two files of the certificate, so it has to run on the host itself.
# docs/from-compose.md moves a running deployment over to Pulumi. Its models stay.
"""


def compose(settings: Settings, stack: Stack) -> str:
    """The text of the file."""
    replicas = tuple(_of_compose(replica, settings, stack.before) for replica in stack.colours["blue"])
    before = (stack.before,) if stack.before else ()
    workloads = (*stack.services, *before, *replicas, _after(stack.edge, replicas), carrier(settings, stack))
    services = {_service(work, settings): _described(work, settings, stack) for work in workloads}
    sections = [
        _HEAD.format(stack=settings.stack, variables=listed(settings, stack)),
        _dump({"name": settings.stack}),
        "services:\n"
        + "\n".join(
            f"  # {work.service}: {work.purpose}\n{_indented(_dump({name: services[name]}))}"
            for work, name in zip(workloads, services, strict=True)
        ),
        _dump({"networks": {key: _network(spec) for key, spec in stack.networks.items()}}),
        _dump({"volumes": {volume_key(volume, settings): {"name": volume.name} for volume in stack.volumes}}),
        _dump({"secrets": secrets(settings, stack)}),
        "# What the service `files` lays into the volumes. Compose reads $$ as $.\n"
        + _dump({"configs": _configs(settings, stack)}),
    ]
    return "\n".join(sections)


def _described(work: Workload, settings: Settings, stack: Stack) -> dict[str, Any]:
    found = _escaped(_plain(work, settings))
    if work.service == FILES:
        found["configs"] = [{"source": name, "target": target} for name, target, _ in contents(settings, stack)]
        found["secrets"] = list(secrets(settings, stack))
    if work.service == stack.edge.service:
        # Another configuration is another label, so that Compose starts nginx again with it.
        found["labels"] = {"orca.config": nginx.render(settings).id}
    if once := [files for files in work.files if files.recreate]:
        laid = texts(settings, stack)
        marks = [digest(laid[volume_key(files.volume, settings)]) for files in once]
        found["labels"] = {**found.get("labels", {}), "orca.files": " ".join(marks)}
    return with_variables(found, work, settings)


def _plain(work: Workload, settings: Settings) -> dict[str, Any]:
    """A workload as Compose writes it, without what is empty."""
    limits = {
        "cpus": str(work.resources.cpus),
        "memory": size(work.resources.memory),
        "pids": work.resources.pids,
    }
    reservations: dict[str, Any] = {"devices": _gpus(work.gpus)}
    if work.resources.memory_reservation:
        reservations["memory"] = size(work.resources.memory_reservation)
    found: dict[str, Any] = {
        "container_name": work.name,
        "image": work.image,
        "user": work.user,
        "group_add": list(work.groups),
        "entrypoint": list(work.entrypoint),
        "command": list(work.command),
        "environment": [f"{key}={value}" for key, value in work.env.items()],
        "labels": dict(work.labels),
        "volumes": [
            f"{volume_key(mount.volume, settings)}:{mount.path}" + (":ro" if mount.read_only else "")
            for mount in work.mounts
        ]
        + [f"{found.host}:{found.path}:ro" for found in work.host_paths],
        "devices": [f"{path}:{path}" for path in work.devices],
        "tmpfs": [f"{path}:{options}" for path, options in work.tmpfs.items()],
        "networks": {
            found.network: _filled(
                {"ipv4_address": str(found.address) if found.address else None, "aliases": list(found.aliases)}
            )
            or None
            for found in work.networks
        },
        "network_mode": None if work.networks else "none",
        "ports": [_port(port) for port in work.ports],
        "depends_on": {found.service: {"condition": _CONDITIONS[found.condition]} for found in _needs(work)},
        "healthcheck": _health(work.health),
        "restart": work.restart,
        "read_only": work.read_only,
        "cap_add": [name.removeprefix("CAP_") for name in work.capabilities.add],
        "cap_drop": [name.removeprefix("CAP_") for name in work.capabilities.drop],
        "security_opt": list(work.security_options),
        "sysctls": dict(work.sysctls),
        "stop_signal": work.stop.signal,
        "stop_grace_period": f"{work.stop.grace}s",
        "logging": {
            "driver": "json-file",
            "options": work.log.options,
        },
        "cpu_shares": work.resources.cpu_shares or None,
        "memswap_limit": size(work.resources.memory),
        "deploy": {"resources": _filled({"limits": limits, "reservations": _filled(reservations)})},
    }
    return _filled(found)


def _gpus(wanted: str) -> list[dict[str, Any]]:
    """What `docker run --gpus` takes, as Compose reserves it."""
    which = {"count": "all"} if wanted == "all" else {"device_ids": wanted.removeprefix("device=").split(",")}
    return [{"driver": "nvidia", **which, "capabilities": ["gpu"]}] if wanted else []


def _of_compose(replica: Workload, settings: Settings, before: Workload | None) -> Workload:
    """A replica of the API without what makes it one of two colours. Its address is that of blue, which is live."""
    return replace(
        replica,
        name=replica.name.replace(f"{settings.stack}-api-blue", f"{settings.stack}-{API}"),
        service=API,
        purpose="the API",
        labels={},
        depends_on=(
            *replica.depends_on,
            *([DependsOn(service=before.service, condition="completed")] if before else []),
        ),
    )


def _after(edge: Workload, replicas: Sequence[Workload]) -> Workload:
    """The edge, to be started when the API is."""
    waits = tuple(DependsOn(service=replica.name.partition("-")[2], condition="started") for replica in replicas)
    return replace(edge, depends_on=(*edge.depends_on, *waits))


def _configs(settings: Settings, stack: Stack) -> dict[str, Any]:
    return {name: {"content": _escaped(text)} for name, _, text in contents(settings, stack)}


def _needs(work: Workload) -> tuple[DependsOn, ...]:
    files = (DependsOn(service=FILES, condition="completed"),) if work.files else ()
    return (*files, *work.depends_on)


def _service(work: Workload, settings: Settings) -> str:
    return work.name.removeprefix(f"{settings.stack}-")


def _network(spec: NetworkSpec) -> dict[str, Any]:
    pool = {"subnet": str(spec.subnet), "gateway": str(spec.subnet[1]), "ip_range": str(spec.dynamic)}
    return {"name": spec.name, "driver": "bridge", "internal": spec.internal, "ipam": {"config": [pool]}}


def _port(port: Port) -> dict[str, Any]:
    return {"target": port.container, "published": str(port.host), "host_ip": str(port.bind), "protocol": "tcp"}


def _health(health: HealthCheck | None) -> dict[str, Any] | None:
    if health is None:
        return None
    return {
        "test": list(health.test),
        "interval": f"{health.interval}s",
        "timeout": f"{health.timeout}s",
        "retries": health.retries,
        "start_period": f"{health.start_period}s",
    }


def _filled(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value not in (None, [], {})}


def _escaped(value: Any) -> Any:
    """Compose replaces $NAME in every text; $$ is a $."""
    match value:
        case str():
            return value.replace("$", "$$")
        case dict():
            return {key: _escaped(part) for key, part in value.items()}
        case list():
            return [_escaped(part) for part in value]
    return value


class _Dumper(yaml.SafeDumper):
    """A text of several lines stands in the file as it is."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _dump(data: dict[str, Any]) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
