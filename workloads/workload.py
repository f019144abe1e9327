"""What a container of the stack is, as plain data.

Every container of the stack is a `Workload`, and a `Workload` is the whole truth about it. The secure defaults are set
here, once: a workload that departs from one must say which and why (`exemptions`), or it cannot be made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from workloads.storage import NEWER, Files, HostPath, Mount, Value

Rule = Literal[
    "non-root", "read-only", "capabilities", "no-new-privileges", "health-check", "restart", "log-limit", "host-paths"
]
"""The secure defaults. Limits of memory, CPU and processes are not among them: nobody is exempt from those."""
Restart = Literal["unless-stopped", "no"]
Condition = Literal["started", "healthy", "completed"]
"""Of a dependency, as in a compose file: its container runs, its health check passes, it ran to its end."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One network of a workload, by its key in the network plan. Without an address the engine chooses one."""

    network: str
    address: IPv4Address | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port published on the host."""

    container: int
    host: int
    bind: IPv4Address | IPv6Address


@dataclass(frozen=True, kw_only=True)
class Listen:
    """A TCP port that the container listens on, and the services that need it.

    Docker does not filter within a network: every service that shares a network with the container can open the port.
    `wider` is the reason why a service that does not need the port may open it; it is empty where none can. `on` are
    the networks on which the container listens, where it does not listen on all of its own.
    """

    port: int
    needed_by: frozenset[str]
    why: str
    wider: str = ""
    on: frozenset[str] = frozenset()


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
    """Limits of a container: bytes, CPUs, processes. Swap is always equal to memory, so there is none.

    `cpu_shares` is its weight where containers want more processor than there is; 0 stands for Docker's own 1024.
    """

    memory: int
    cpus: Decimal
    pids: int
    memory_reservation: int = 0
    cpu_shares: int = field(default=0, metadata=NEWER)


WATCHER_SHARES = 128
"""The weight of what watches: on a busy host it waits for what serves, and catches up later."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Linux capabilities, as Docker names them with the prefix: `CAP_NET_ADMIN`, or `ALL`."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ("ALL",)


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the json-file log driver keeps: `max_files` files of `max_size` each, every line with `tag` and with these
    `labels` of the container. The labels say who wrote a line, and change nothing that runs."""

    max_size: str = "10m"
    max_files: int = 5
    tag: str = "{{.Name}}"
    labels: tuple[str, ...] = field(default=(), compare=False)

    @property
    def options(self) -> dict[str, str]:
        """As the engine names them: https://docs.docker.com/engine/logging/drivers/json-file/"""
        labels = {"labels": ",".join(self.labels)} if self.labels else {}
        return {"max-size": self.max_size, "max-file": str(self.max_files), "tag": self.tag} | labels


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The signal that stops the container, and the seconds until it is killed."""

    signal: str = "SIGTERM"
    grace: int = 30


@dataclass(frozen=True, kw_only=True)
class DependsOn:
    """A service that must be in this condition before the container starts."""

    service: str
    condition: Condition = "healthy"


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """A secure default that this workload departs from, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One container: what runs, where it is reachable, what it may use.

    `gpus` are those of NVIDIA, as `docker run --gpus` has them (`all`, `device=0,1`); `devices` are files of the host.
    `name` is the full name on the host, `service` the name without the stack, which replicas share. `purpose` is
    one phrase for a person. `user` is `uid:gid`. `secret_env` are the variables that nobody may see; `secrets` is
    the keyed digest of every secret value in the workload, empty where it has none. `tmpfs` maps a path to its
    mount options. `sysctls` are kernel settings of the container's own network. `restart="no"` marks a one-shot,
    which runs to its end; `advice` is then what a person does when it fails. Raises ValueError if a secure default
    is dropped without an exemption.
    """

    name: str
    service: str
    purpose: str
    image: str
    user: str
    networks: tuple[Attachment, ...]
    resources: Resources
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, Value] = field(default_factory=dict, compare=False, repr=False)
    secrets: str = field(default="", compare=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    files: tuple[Files, ...] = ()
    mounts: tuple[Mount, ...] = ()
    host_paths: tuple[HostPath, ...] = field(default=(), metadata=NEWER)
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    listens: tuple[Listen, ...] = ()
    depends_on: tuple[DependsOn, ...] = ()
    health: HealthCheck | None = None
    restart: Restart = "unless-stopped"
    advice: str = ""
    read_only: bool = True
    capabilities: Capabilities = Capabilities()
    security_options: tuple[str, ...] = ("no-new-privileges:true",)
    log: Log = Log()
    stop: Stop = Stop()
    gpus: str = field(default="", metadata=NEWER)
    devices: tuple[str, ...] = field(default=(), metadata=NEWER)
    exemptions: tuple[Exemption, ...] = ()

    @property
    def one_shot(self) -> bool:
        return self.restart == "no"

    def __post_init__(self) -> None:
        exempt = {exemption.rule for exemption in self.exemptions}
        departs: dict[Rule, bool] = {
            "non-root": self.user.split(":")[0] in ("", "0", "root"),
            "read-only": not self.read_only,
            "capabilities": self.capabilities != Capabilities(),
            "no-new-privileges": "no-new-privileges:true" not in self.security_options,
            "health-check": self.health is None,
            "restart": self.one_shot,
            "log-limit": not (self.log.max_size and self.log.max_files),
            "host-paths": bool(self.host_paths or self.devices),
        }
        if dropped := [rule for rule, true in departs.items() if true and rule not in exempt]:
            raise ValueError(f"{self.name}: no reason is given for dropping the default {', '.join(dropped)}")
        if idle := [rule for rule in exempt if not departs[rule]]:
            raise ValueError(f"{self.name}: an exemption from {', '.join(idle)} that it does not use")
        if self.one_shot != bool(self.advice):
            raise ValueError(f"{self.name}: advice on a failure belongs to a one-shot, and every one-shot needs it")
        volumes = {mount.volume for mount in self.mounts}
        if unseen := [files.volume.name for files in self.files if files.volume not in volumes]:
            raise ValueError(f"{self.name}: files in {', '.join(unseen)}, which it does not mount")
