"""The host ports of the edge, tried before the first resource: a port that is taken costs nobody an answer."""

import pulumi

from engine.address import of_stack
from engine.errors import NeedsPerson
from engine.ports import HostPort, Trial, refused
from settings import Settings
from workloads.stack import Stack


def ports_are_free(settings: Settings, stack: Stack) -> None:
    """Raises `pulumi.RunError` that names each port which the edge does not publish now and cannot publish.

    To be called before the first resource is registered. An engine that does not answer is for the plan to name.
    """
    edge = stack.edge
    trial = Trial(
        publisher=edge.name,
        wanted=[HostPort(port.bind, port.host) for port in edge.ports],
        image=edge.image,
        network=stack.networks["edge"].name,
        preview=pulumi.runtime.is_dry_run(),
    )
    try:
        problems = refused(of_stack(settings.docker_host), trial)
    except (NeedsPerson, OSError):  # what the engine itself refuses is an OSError too
        return
    if problems:
        lines = "\n".join(f"  {_key(settings, port)}: {port}: {problem}" for port, problem in problems.items())
        raise pulumi.RunError(
            f"The engine cannot publish ports of the edge:\n{lines}\n"
            "Nothing was changed; what ran runs on. Choose another port or address, or end what holds this one, then "
            "run the same command again."
        )


def _key(settings: Settings, port: HostPort) -> str:
    return "edge.httpPort" if port.number == settings.edge.http_port else "edge.httpsPort"
