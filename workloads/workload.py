"""What a container of the stack is, as plain data.

Every service of the stack is a `Workload`. The secure defaults are set here, once: a workload that departs from one of
them must say which and why (`exemptions`), or it cannot be made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Literal

Rule = Literal["non-root", "read-only", "health-check", "restart"]
"""The defaults that a workload may be exempted from. Capabilities, privilege escalation, limits and logging are not
among them: nothing in this stack needs them."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One network of a workload, by its key in the network plan, with the fixed address there."""

    network: str
    address: IPv4Address
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port published on the host."""

    container: int
    host: int
    bind: IPv4Address


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A named volume (full name on the host) at a path of the container."""

    volume: str
    path: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """Docker's health check; times in seconds."""

    test: tuple[str, ...]
    interval: int
    timeout: int
    retries: int
    start_period: int = 0


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits of a container: bytes, CPUs, processes. Swap is always equal to memory, so there is none."""

    memory: int
    cpus: Decimal
    pids: int
    memory_reservation: int = 0


@dataclass(frozen=True, kw_only=True)
class Stop:
    """How the container is asked to end, and the seconds it then has."""

    signal: str = "SIGTERM"
    grace: int = 30


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """A secure default that this workload departs from, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One container: what runs, where it is reachable, what it may use.

    `name` is the full name on the host. `user` is `uid:gid`. `tmpfs` maps a path to its mount options. `sysctls`
    are kernel settings of the container's own network. `one_shot` marks a container that runs to its end and is not
    restarted. Raises ValueError if a secure default is dropped without an exemption.
    """

    name: str
    image: str
    user: str
    networks: tuple[Attachment, ...]
    resources: Resources
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    health: HealthCheck | None = None
    read_only: bool = True
    one_shot: bool = False
    stop: Stop = Stop()
    exemptions: tuple[Exemption, ...] = ()

    def __post_init__(self) -> None:
        exempt = {exemption.rule for exemption in self.exemptions}
        departs: dict[Rule, bool] = {
            "non-root": self.user.split(":")[0] in ("", "0", "root"),
            "read-only": not self.read_only,
            "health-check": self.health is None,
            "restart": self.one_shot,
        }
        if dropped := [rule for rule, true in departs.items() if true and rule not in exempt]:
            raise ValueError(f"{self.name}: no reason is given for dropping the default {', '.join(dropped)}")
        if idle := [rule for rule in exempt if not departs[rule]]:
            raise ValueError(f"{self.name}: an exemption from {', '.join(idle)} that it does not use")
