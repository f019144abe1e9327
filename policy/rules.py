"""What a container must be: one rule a function, over the inputs of the provider's resource as plain data.

A rule gives what is wrong, or nothing. An input that is not known yet in a preview is `UNKNOWN`; no rule fails for it,
and the update checks it. The rules are the secure defaults of workloads/workload.py as far as the provider has inputs
for them, for programs that are not made of workloads.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = object()
CONTAINER, IMAGE = "docker:index/container:Container", "docker:index/remoteImage:RemoteImage"
Inputs = Mapping[str, Any]

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# An image that was built on the host and is named by a hash of its content, or by its id. Digits alone that begin as a
# date or a time do are a tag of somebody's choice.
_CONTENT = re.compile(r"(:(?!20\d{10}(\d\d)?$|1\d{12}$)[0-9a-f]{12,64}|^sha256:[0-9a-f]{64})$")
_SECRET_NAME = re.compile(
    r"(?i)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|REQUIREPASS|MASTERAUTH|(^|[_-])PASS|[_-]PWD"
    r"|(API|PRIVATE|ACCESS|SECRET|SIGNING|ENCRYPTION|MASTER|ACCOUNT)[_-]?KEYS?|SECRET_KEY_BASE)$"
)
_SECRET_TEXT = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]*:[^/\s@]+@")
# `--name value`, `--name=value` and, for a shell, `NAME=value`; a value that is a variable of the shell is no secret.
# `--no-name` has no value.
_ARGUMENT = re.compile(
    r"(?<![\w-])(?:(?!--?no-)--?(?P<option>[\w-]+)[=\s]\s*|(?P<variable>\w+)=)['\"]?(?=(?P<value>[^\s$'\"-]\S*))"
)
# A file in the place of a secret. A token in base64 may begin with a slash too, so it must be a usual folder.
_FILE = re.compile(r"/(app|data|etc|home|mnt|opt|root|run|secrets|srv|tmp|usr|var)/")
_ENGINES = re.compile(
    r"(docker|containerd|podman|crio)\.sock$|^(/var)?/run(/(containerd|podman|crio|user(/\d+)?))?$|^/$"
)
_LOOPBACK = re.compile(r"^(127\.|::1$)")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`wrong` says what is wrong with the inputs of a resource of one of `types`; `why` is the reason for the rule."""

    name: str
    why: str
    types: Sequence[str]
    wrong: Callable[[Inputs], Iterator[str]]


def _pinned_image(inputs: Inputs) -> Iterator[str]:
    image = inputs.get("image", inputs.get("name"))
    if isinstance(image, str) and not _DIGEST.search(image) and not _CONTENT.search(image):
        yield f"the image {image} can change under the same name; write tag@sha256:<digest>"


def _memory_limit(inputs: Inputs) -> Iterator[str]:
    memory, swap = inputs.get("memory"), inputs.get("memorySwap")
    if not _limits(memory):
        yield "memory has no limit"
    elif UNKNOWN not in (memory, swap) and swap != memory:
        yield f"memorySwap is {swap or 'not set'}; set it to {memory:g}, the value of memory, so that there is no swap"


def _cpu_limit(inputs: Inputs) -> Iterator[str]:
    if not _limits(inputs.get("cpus")) and not _limits(inputs.get("cpuQuota")):
        yield "cpus has no limit"


def _published_port(inputs: Inputs) -> Iterator[str]:
    for port in _items(inputs, "ports"):
        address = port.get("ip") or "0.0.0.0"
        if isinstance(address, str) and not _LOOPBACK.match(address):
            yield f"port {_number(port.get('internal'))} is published on {address}, which other hosts reach"
    if inputs.get("publishAllPorts") is True:
        yield "publishAllPorts publishes every port of the image"


def _plain_secret(inputs: Inputs) -> Iterator[str]:
    for entry in _items(inputs, "envs"):
        name, _, value = entry.partition("=")
        if _is_secret(name, value) or _SECRET_TEXT.search(value):
            yield f"{name} in envs looks like a secret; mount it as a file, and name the file in {name}_FILE"
    line = " ".join(map(str, (*_items(inputs, "entrypoints"), *_items(inputs, "command"))))
    arguments = _ARGUMENT.finditer(line)
    if _SECRET_TEXT.search(line) or any(_is_secret(a["option"] or a["variable"], a["value"]) for a in arguments):
        yield "the command line holds a secret; mount it as a file"


def _is_secret(name: str, value: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and bool(value) and not _FILE.match(value)


def _capability(inputs: Inputs) -> Iterator[str]:
    capabilities = inputs.get("capabilities") or {}
    if capabilities is UNKNOWN:
        return
    if added := [str(name) for name in _items(capabilities, "adds")]:
        yield f"capabilities.adds has {', '.join(added)}"
    if capabilities.get("drops") is not UNKNOWN and "ALL" not in _items(capabilities, "drops"):
        yield "capabilities.drops lacks ALL"


def _engine_socket(inputs: Inputs) -> Iterator[str]:
    for path in _host_paths(inputs):
        if _ENGINES.search(path):
            yield f"{path} of the host is mounted: whoever speaks to the engine there is root of the host"


def _host_path(inputs: Inputs) -> Iterator[str]:
    for path in _host_paths(inputs):
        if not _ENGINES.search(path):
            yield f"{path} of the host is mounted; use a volume, which a remote host has too"


def _host_namespace(inputs: Inputs) -> Iterator[str]:
    if inputs.get("privileged") is True:
        yield "privileged is true"
    for name in ("networkMode", "pidMode", "ipcMode", "usernsMode"):
        if inputs.get(name) == "host":
            yield f"{name} is host"


def _root_user(inputs: Inputs) -> Iterator[str]:
    user = inputs.get("user") or ""
    if isinstance(user, str) and user.split(":")[0] in ("", "0", "root"):
        yield f"user is {user or 'not set'}; write uid:gid of a user that is not root"


def _read_only(inputs: Inputs) -> Iterator[str]:
    if not inputs.get("readOnly"):
        yield "readOnly is not true; give a tmpfs or a volume to the paths that are written to"


def _new_privileges(inputs: Inputs) -> Iterator[str]:
    options = _items(inputs, "securityOpts")
    if inputs.get("securityOpts") is not UNKNOWN and not {"no-new-privileges:true", "no-new-privileges"} & {*options}:
        yield "securityOpts lacks no-new-privileges:true"


def _health_check(inputs: Inputs) -> Iterator[str]:
    found = inputs.get("healthcheck")
    tests = UNKNOWN if found is UNKNOWN else (found or {}).get("tests")
    if inputs.get("mustRun") is not False and tests is not UNKNOWN and (not tests or tests[0] == "NONE"):
        yield "there is no healthcheck"


def _restart(inputs: Inputs) -> Iterator[str]:
    if inputs.get("mustRun") is not False and inputs.get("restart") in (None, "", "no"):
        yield "restart is no: after a crash, or a restart of the host, it stays down"


def _log_limit(inputs: Inputs) -> Iterator[str]:
    options = inputs.get("logOpts") or {}
    if inputs.get("logDriver") is UNKNOWN or options is UNKNOWN:
        return
    if inputs.get("logDriver") != "json-file" or not options.get("max-size") or not options.get("max-file"):
        yield "logDriver must be json-file, with max-size and max-file in logOpts"


def _host_paths(inputs: Inputs) -> Iterator[str]:
    for volume in _items(inputs, "volumes"):
        if isinstance(path := volume.get("hostPath"), str) and path:
            yield _normal(path)
    for mount in _items(inputs, "mounts"):
        if mount.get("type") == "bind" and isinstance(path := mount.get("source"), str):
            yield _normal(path)


def _normal(path: str) -> str:
    """A path of the host without `..`, and without a slash too many."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _limits(value: Any) -> bool:
    """Whether the value of a limit, a number or its text, limits anything: the engine takes 0 for none."""
    return value is UNKNOWN or bool(re.match(r"[\d.]*[1-9]", str(value or "")))


def _items(inputs: Inputs, key: str) -> list[Any]:
    """The known elements of a list."""
    found = inputs.get(key)
    return [] if found is None or found is UNKNOWN else [item for item in found if item is not UNKNOWN]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


def _rule(name: str, why: str, wrong: Callable[[Inputs], Iterator[str]], *types: str) -> Rule:
    return Rule(name=name, why=why, types=types or (CONTAINER,), wrong=wrong)


RULES = (
    _rule("pinned-image", "what was reviewed is what runs", _pinned_image, CONTAINER, IMAGE),
    _rule("memory-limit", "one container must not take the memory of all others", _memory_limit),
    _rule("cpu-limit", "one container must not take the processors of all others", _cpu_limit),
    _rule("published-port", "the edge is the only door of a host", _published_port),
    _rule("plain-secret", "`docker inspect` and the process list show it to everybody on the host", _plain_secret),
    _rule("capability", "a program that is broken into must not be able to do what root can", _capability),
    _rule("engine-socket", "the engine's socket is root of the host", _engine_socket),
    _rule("host-path", "a path of the host ties a container to it, and opens it", _host_path),
    _rule("host-namespace", "without a namespace of its own a container is not contained", _host_namespace),
    _rule("root-user", "a way out of the container must not end as root", _root_user),
    _rule("read-only", "what breaks in must not be able to change the program", _read_only),
    _rule("new-privileges", "a set-uid program must not give rights", _new_privileges),
    _rule("health-check", "the engine must see a program that hangs", _health_check),
    _rule("restart", "a service must come back by itself", _restart),
    _rule("log-limit", "a log must not fill the disk", _log_limit),
)
