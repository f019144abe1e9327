"""Container inputs whose form differs from the engine's in more than spelling."""

from typing import Any

from tools.standins.docker_plugin import durations
from tools.standins.docker_plugin.routes import Form
from tools.standins.docker_plugin.schema import Body, Route

_DURATIONS = {
    "interval": "Interval",
    "timeout": "Timeout",
    "startPeriod": "StartPeriod",
    "startInterval": "StartInterval",
}


def _write_healthcheck(value: dict[str, Any], body: Body) -> None:
    times = {theirs: durations.parse(value.get(name, "0s")) for name, theirs in _DURATIONS.items()}
    # Engines before 25 (API 1.44) refuse a start interval, even zero.
    found = {name: time for name, time in times.items() if time}
    body["Config"]["Healthcheck"] = {"Test": value["tests"], "Retries": value.get("retries", 0), **found}


def _read_healthcheck(found: Body) -> Any:
    check = found["Config"].get("Healthcheck")
    if not check:
        return None
    times = {name: durations.text(check.get(theirs) or 0) for name, theirs in _DURATIONS.items()}
    return {"tests": check.get("Test") or [], "retries": check.get("Retries") or 0, **times}


HEALTHCHECK = Route(_write_healthcheck, _read_healthcheck)


def running(found: Body) -> bool:
    """Whether the container runs (a paused one does)."""
    return bool(found["State"]["Running"])


# None keeps what the state says: a container that need not run may.
MUST_RUN = Route(read=lambda found: None if running(found) else False)


def exit_code(found: Body) -> int | None:
    """The exit code of a container that does not run; None keeps the last one."""
    return None if running(found) else found["State"]["ExitCode"]


def logs(found: Body) -> str | None:
    """What lifecycle/container collected while attached."""
    return found.get("ContainerLogs")


ULIMITS = Form(
    lambda value: [{"Name": item["name"], "Soft": item["soft"], "Hard": item["hard"]} for item in value],
    lambda value: [{"name": item["Name"], "soft": item["Soft"], "hard": item["Hard"]} for item in value],
)


def _write_devices(value: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "PathOnHost": item["hostPath"],
            "PathInContainer": item.get("containerPath") or item["hostPath"],
            "CgroupPermissions": item["permissions"],
        }
        for item in value
    ]


def _read_devices(value: list[dict[str, str]]) -> list[dict[str, str]]:
    names = {"hostPath": "PathOnHost", "containerPath": "PathInContainer", "permissions": "CgroupPermissions"}
    return [{name: item[theirs] for name, theirs in names.items()} for item in value]


DEVICES = Form(_write_devices, _read_devices)


def _capability(name: str) -> str:
    """The spelling of the kernel, which the official plugin's client always sends: NET_ADMIN, net_admin, ..."""
    name = name.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def _write_capabilities(value: dict[str, Any], body: Body) -> None:
    body["HostConfig"]["CapAdd"] = [_capability(name) for name in value.get("adds", [])]
    body["HostConfig"]["CapDrop"] = [_capability(name) for name in value.get("drops", [])]


def _read_capabilities(found: Body) -> Any:
    adds, drops = (found["HostConfig"].get(name) or [] for name in ("CapAdd", "CapDrop"))
    return {"adds": adds, "drops": drops} if adds or drops else None


CAPABILITIES = Route(_write_capabilities, _read_capabilities)


def _request(body: Body, request: dict[str, Any]) -> None:
    body["HostConfig"].setdefault("DeviceRequests", []).append(request)


def _write_gpus(value: str, body: Body) -> None:
    request: dict[str, Any] = {"Driver": "", "Capabilities": [["gpu"]]}
    if value.startswith("device="):
        request["DeviceIDs"] = value.removeprefix("device=").split(",")
    else:
        request["Count"] = -1 if value == "all" else int(value)
    _request(body, request)


def no_gpus(value: str) -> str | None:
    """Texts that ask for no GPUs: all, a number of them, or some by index or id."""
    if value == "all" or value.isdigit() or value.startswith("device="):
        return None
    return f"'{value}' is not one of 'all', a number, 'device=<ids>'"


GPUS = Route(_write_gpus)


def _write_requests(value: list[dict[str, Any]], body: Body) -> None:
    for item in value:
        request = {
            "Driver": item.get("driver", ""),
            "Count": item.get("count", 0),
            "DeviceIDs": item.get("deviceIds", []),
            "Capabilities": [item.get("capabilities", [])],
            "Options": item.get("options", {}),
        }
        _request(body, request)


DEVICE_REQUESTS = Route(_write_requests)
