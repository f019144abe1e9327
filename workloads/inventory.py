"""Every container of a stack that runs at some time."""

from settings import Settings
from workloads import api, edge, ollama
from workloads.colour import COLOURS
from workloads.workload import Workload


def workloads(settings: Settings) -> tuple[Workload, ...]:
    """All of them, both colours with all their replicas among them."""
    mirror = ollama.mirror(settings)
    return (
        ollama.server(settings),
        ollama.init(settings),
        edge.proxy(settings),
        *(workload for colour in COLOURS for workload in api.colour_workloads(settings, colour)),
        *((mirror,) if mirror else ()),
    )
