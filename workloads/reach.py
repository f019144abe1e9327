"""Who may open which port of whom: the reachability matrix.

Docker filters between networks and not within one, so whoever shares a network with a service can open what it listens
on there. What that allows beyond what is needed is written down here as well: the matrix says what is so, and a test
opens every port from everywhere to compare.
"""

from dataclasses import dataclass

from settings import Settings
from workloads import edge, ollama
from workloads.ollama import mirror

OUTSIDE = "outside"
"""Any other container of the host."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """A port of a service, the services that can open it from another container, and why that is so."""

    to: str
    port: int
    open_to: frozenset[str]
    why: str


def doors(settings: Settings) -> tuple[Door, ...]:
    """Every port that a service of the stack listens on, by its name without the stack's."""
    colours = frozenset({"api-blue", "api-green"})
    has_mirror = mirror(settings) is not None
    on_egress = {"ollama-init", *({"model-mirror"} if has_mirror else ())} if settings.api.egress else set()
    return (
        *(
            Door(
                to="nginx",
                port=port,
                open_to=colours,
                why="the edge meets the API on app-network; it asks a client there no less than one outside",
            )
            for port in (edge.HTTP, edge.HTTPS)
        ),
        *(
            Door(
                to=colour,
                port=settings.api.port,
                open_to=colours - {colour} | {"nginx", "ollama"} | on_egress,
                why="the edge passes requests on; the others share a network with it: the other colour, the model "
                "server, and on egress the model pull",
            )
            for colour in sorted(colours)
        ),
        Door(to="ollama", port=ollama.PORT, open_to=colours, why="the API asks the model; nobody else may"),
        *(
            (
                Door(
                    to="model-mirror",
                    port=ollama.MIRROR_PORT,
                    open_to=frozenset({"ollama-init"}) | (colours if settings.api.egress else frozenset()),
                    why="ollama-init pulls from it; an API with a way out is on the same network",
                ),
            )
            if has_mirror
            else ()
        ),
    )


def may_open(settings: Settings, source: str, to: str, port: int) -> bool:
    """Whether a service (or `OUTSIDE`) can open a port of another one, whatever the address."""
    return any(door.to == to and door.port == port and source in door.open_to for door in doors(settings))
