"""Everything that a stack has, as tables of Markdown: for the docs, and for a person who asks what a stack runs."""

from collections.abc import Iterable, Sequence

from workloads.stack import Stack
from workloads.workload import Workload

MIB = 1024**2


def tables(stack: Stack) -> str:
    """Containers, networks, volumes, and who can open which port."""
    return "\n\n".join(
        [
            "### Containers\n\n" + _containers(stack),
            "### Networks\n\n" + _networks(stack),
            "### Volumes\n\n" + _volumes(stack),
            "### Ports that one container can open of another\n\n" + _doors(stack),
            "### Exceptions from the secure defaults\n\n" + _exceptions(stack),
        ]
    )


def _containers(stack: Stack) -> str:
    rows = [
        (
            f"`{work.name}`",
            work.purpose,
            f"`{work.image}`",
            work.user,
            f"{work.resources.memory // MIB} MiB, {work.resources.cpus} CPU, {work.resources.pids} processes",
            ", ".join(attachment.network for attachment in work.networks),
        )
        for work in stack.workloads
    ]
    return _table(("container", "what it is", "image", "user", "limits", "networks"), rows)


def _networks(stack: Stack) -> str:
    rows = [
        (f"`{spec.name}`", str(spec.subnet), "no" if spec.internal else "yes", spec.purpose)
        for spec in stack.networks.values()
    ]
    return _table(("network", "range", "way out of the host", "for"), rows)


def _volumes(stack: Stack) -> str:
    rows = [
        (f"`{volume.name}`", _users(stack.workloads, volume.name), "yes" if volume.keep else "no")
        for volume in stack.volumes
    ]
    return _table(("volume", "mounted at", "kept by `make down`"), rows)


def _users(workloads: Iterable[Workload], volume: str) -> str:
    return ", ".join(
        f"{work.service}:{mount.path}" + (" (read-only)" if mount.read_only else "")
        for work in workloads
        for mount in work.mounts
        if mount.volume.name == volume
    )


def _doors(stack: Stack) -> str:
    rows = [(door.to, str(door.port), ", ".join(sorted(door.open_to)), door.why) for door in stack.doors]
    return _table(("service", "port", "can be opened by", "why"), rows)


def _exceptions(stack: Stack) -> str:
    rows = [(f"`{work.name}`", found.rule, found.reason) for work in stack.workloads for found in work.exemptions]
    return _table(("container", "default", "reason"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
