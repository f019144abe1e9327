"""The release id: what makes two containers the same release."""

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from workloads.workload import Workload

COLOUR_ENV = ("ORCA_COLOUR", "ORCA_RELEASE")
COLOUR_LABELS = ("orca.colour", "orca.release", "orca.replica")


def release(workload: Workload, replicas: int) -> str:
    """A 12-digit digest of everything in a workload but its name, its addresses and its colour, and of their number.

    Blue and green of one release have the same id; any other change of what runs makes a new one.
    """
    bare = replace(
        workload,
        name="",
        networks=tuple(
            replace(attachment, address=attachment.address.__class__(0), aliases=()) for attachment in workload.networks
        ),
        env={key: value for key, value in workload.env.items() if key not in COLOUR_ENV},
        labels={key: value for key, value in workload.labels.items() if key not in COLOUR_LABELS},
    )
    return digest([asdict(bare), replicas])


def digest(data: Any) -> str:
    """A 12-digit digest of plain data, independent of the order of its keys."""
    text = json.dumps(data, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
