"""The plan of an update: what is live is seen on the host, before Pulumi touches anything there."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pulumi

from components.step import observe
from rollout.plan import Plan
from settings import Settings
from workloads.edge import STATE
from workloads.workload import Workload

_READS = 5


def release_plan(settings: Settings, *, edge: Workload, wanted: Workload) -> Plan:
    """What this update has to do so that `wanted`, a replica of the blue colour, is live behind the proxy `edge`.

    To be called before the first resource is registered: from then on Pulumi may be replacing the edge, which holds
    the state that is read here. Raises `pulumi.RunError` when the release is refused.
    """
    last = _last_outputs()
    seen = observe(
        "rollout step plan",
        settings,
        {
            **place(edge.name, wanted),
            "EDGE_IMAGE": edge.image,
            "EDGE_STATE": next(mount.volume for mount in edge.mounts if mount.path == STATE),
            "PROMOTE": settings.rollout.promote,
            "LAST_LIVE": last.get("live") or "",
            "LAST_RELEASE": last.get("release") or "",
            "PREVIEW": "1" if pulumi.runtime.is_dry_run() else "",
        },
    )
    plan = Plan(**json.loads(seen.stdout))
    if plan.refusal:
        raise pulumi.RunError(plan.refusal)
    return plan


def place(edge: str, wanted: Workload) -> dict[str, str]:
    """The inputs that every step of a release has: where it is released, and which release that is."""
    return {
        "EDGE": edge,
        "SERVICE": wanted.name.removesuffix("-blue"),
        "RELEASE": wanted.labels["orca.release"],
    }


def _last_outputs() -> Mapping[str, Any]:
    """The outputs of this stack's last update, by the engine's own invoke behind StackReference: a plan is needed while
    the program runs, and the outputs of a StackReference resource come later."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for attempt in range(_READS):
        try:
            found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value or {}
            break
        except Exception as error:  # the SDK raises nothing more specific
            # A backend of plain files may be read while this very update writes to it.
            if "checkpoint" not in str(error) or attempt == _READS - 1:
                raise
            time.sleep(0.2)
    outputs: Mapping[str, Any] = found.get("outputs") or {}
    return outputs
