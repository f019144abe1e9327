"""The container checks of the CIS Docker Benchmark 1.6.0 (sections 4 and 5, as docker-bench-security counts them).

That script is in no package registry, so these checks are written from the benchmark. They read the engine's data of
each container that runs or has run. Some checks of the benchmark are not here: 4.2 to 4.5 and 4.7 to 4.12 are about the
build and the pull of images (other checks read the Dockerfiles), 5.1 is about the engine, the check `listeners` covers
5.9, and 5.23 and 5.24 are about an operator's actions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from settings import load
from tools.audit.stack import CONFIG, NAME, Target
from tools.audit.verdict import Verdict, verdict
from workloads.stack import stack

Attributes = Mapping[str, Any]
SENSITIVE = {"/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"}
NEVER_STARTED = "0001-01-01T00:00:00Z"

# Number and title of a check, and a test of a container's attributes and of its HostConfig.
CHECKS: Mapping[str, tuple[str, Callable[[Attributes, Attributes], bool]]] = {
    "4.1": ("a user of its own", lambda c, _: c["Config"]["User"].split(":")[0] not in ("", "0", "root")),
    "5.2": ("an AppArmor profile", lambda c, _: c["AppArmorProfile"] not in ("", "unconfined")),
    "5.3": ("security options", lambda _, h: bool(h["SecurityOpt"])),
    "5.4": (
        "no capability added, all dropped",
        lambda _, h: not h["CapAdd"] and h["CapDrop"] in (["ALL"], ["CAP_ALL"]),
    ),
    "5.5": ("not privileged", lambda _, h: not h["Privileged"]),
    "5.6": ("no system directory of the host", lambda c, _: not SENSITIVE & {m["Source"] for m in c["Mounts"]}),
    "5.8": ("no privileged port of the host", lambda _, h: all(int(port["HostPort"]) > 1024 for port in _ports(h))),
    "5.10": ("not the host's network", lambda _, h: h["NetworkMode"] != "host"),
    "5.11": ("a memory limit, no swap", lambda _, h: 0 < h["Memory"] == h["MemorySwap"]),
    "5.12": ("a CPU limit", lambda _, h: h["NanoCpus"] > 0 or h["CpuQuota"] > 0),
    "5.13": ("a read-only root file system", lambda _, h: bool(h["ReadonlyRootfs"])),
    "5.14": (
        "ports bound to an address",
        lambda _, h: all(p["HostIp"] not in ("", "0.0.0.0", "::") for p in _ports(h)),
    ),
    "5.15": ("no endless restart on failure", lambda _, h: h["RestartPolicy"]["MaximumRetryCount"] <= 5),
    "5.16": ("its own processes", lambda _, h: h["PidMode"] != "host"),
    "5.17": ("its own IPC", lambda _, h: h["IpcMode"] != "host"),
    "5.18": ("no device of the host", lambda _, h: not h["Devices"]),
    "5.20": ("no shared mount", lambda c, _: all(mount.get("Propagation") != "shared" for mount in c["Mounts"])),
    "5.21": ("its own UTS", lambda _, h: h["UTSMode"] != "host"),
    "5.22": ("the default seccomp profile", lambda _, h: not any("seccomp" in option for option in h["SecurityOpt"])),
    "5.25": ("no control group of its own choice", lambda _, h: not h["CgroupParent"]),
    "5.26": ("no new privileges", lambda _, h: any("no-new-privileges" in option for option in h["SecurityOpt"])),
    "5.27": ("a health check", lambda c, _: bool((c["Config"].get("Healthcheck") or {}).get("Test"))),
    "5.28": ("a pinned image", lambda c, _: _is_pinned(c["Config"]["Image"])),
    "5.29": ("a limit of processes", lambda _, h: (h["PidsLimit"] or 0) > 0),
    "5.30": ("not the default bridge", lambda c, _: "bridge" not in c["NetworkSettings"]["Networks"]),
    "5.31": ("the engine's user namespace", lambda _, h: h["UsernsMode"] != "host"),
    "5.32": ("no socket of the engine", lambda c, _: not any(_holds_socket(m["Source"]) for m in c["Mounts"])),
}
# A rule of workloads/workload.py, and the checks that fail without it.
DEFAULTS = {
    "non-root": ("4.1",),
    "capabilities": ("5.4",),
    "host-paths": ("5.6", "5.18", "5.32"),
    "read-only": ("5.13",),
    "health-check": ("5.27",),
}


def check(target: Target) -> Verdict:
    started = [each for each in target.containers() if each.attrs["State"]["StartedAt"] != NEVER_STARTED]
    findings = [
        f"{number} {container.name} {title}"
        for container in started
        for number, (title, holds) in CHECKS.items()
        if not holds(container.attrs, container.attrs["HostConfig"])
    ]
    findings += [f"5.7 {each.name} no ssh server" for each in started if _runs_ssh(each)]
    return verdict(
        "CIS Docker Benchmark 1.6.0, checks of this repository",
        "only the exceptions that a workload names",
        f"{len(CHECKS) + 1} checks on {len(started)} containers",
        findings,
        excuses(apparmor=any("apparmor" in option for option in target.engine.info()["SecurityOptions"])),
    )


def excuses(*, apparmor: bool) -> dict[str, str]:
    """The exemptions of the stack's workloads, and those of an engine without AppArmor."""
    found = {
        f"{number} {workload.name}": exemption.reason
        for workload in stack(load(NAME, CONFIG)).workloads
        for exemption in workload.exemptions
        for number in DEFAULTS.get(exemption.rule, ())
    }
    return (
        found
        if apparmor
        else found | {"5.2": "the kernel of this host has no AppArmor; where it has, docker applies it"}
    )


def _ports(host: Attributes) -> list[dict[str, str]]:
    return [binding for bindings in (host["PortBindings"] or {}).values() for binding in bindings or []]


def _holds_socket(path: str) -> bool:
    """Whether a path of the host is the engine's socket, or a folder that it is in."""
    return path.endswith("docker.sock") or path in ("/", "/run", "/var", "/var/run")


def _is_pinned(image: str) -> bool:
    name, _, tag = image.rpartition(":")
    return "@sha256:" in image or (bool(name) and tag not in ("", "latest"))


def _runs_ssh(container: Any) -> bool:
    return container.status == "running" and any("sshd" in row[-1] for row in container.top()["Processes"])
