"""The way to a release: what the edge must know of the API's containers to pass requests on to them.

It travels with the release: the labels of a colour's containers hold it, so the edge's configuration for a colour that
runs follows from what runs, and not from what is wanted.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

REPLICAS = "orca.replicas"
KEEP_ALIVE = 1
"""The default of `api.keepAlive`, in seconds: what a release has that was made before there was such a setting."""
KEPT_REQUESTS = 100
"""Requests over one connection to the API. The gate tries so many, and the edge sends no more."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """The settings of `api` with these names. `keep_alive` is in seconds, 0 for off; `replicas` is the number of
    containers of a colour."""

    port: int
    readiness: str
    paths: tuple[str, ...]
    marks_streams: bool
    replicas: int
    keep_alive: int = KEEP_ALIVE

    @property
    def labels(self) -> dict[str, str]:
        return {
            "orca.port": str(self.port),
            "orca.readiness": self.readiness,
            "orca.paths": " ".join(self.paths),  # a path has no space (settings/values.py)
            "orca.marks-streams": "yes" if self.marks_streams else "no",
            "orca.keep-alive": str(self.keep_alive),
            REPLICAS: str(self.replicas),
        }

    def dump(self) -> str:
        """A line of JSON, as it stands in the edge's configuration; `parse` reads it."""
        return json.dumps(asdict(self))


def of_labels(labels: Mapping[str, str]) -> Way | None:
    """The way that a container's labels hold. None for a container of a version that recorded none."""
    if "orca.port" not in labels:
        return None
    return Way(
        port=int(labels["orca.port"]),
        readiness=labels["orca.readiness"],
        paths=tuple(labels["orca.paths"].split()),
        marks_streams=labels["orca.marks-streams"] == "yes",
        replicas=int(labels[REPLICAS]),
        keep_alive=int(labels.get("orca.keep-alive", KEEP_ALIVE)),
    )


def parse(line: str) -> Way:
    found = json.loads(line)
    return Way(**{**found, "paths": tuple(found["paths"])})
