"""The host ports of the stack, tried before the first resource: a port that is taken costs nobody an answer."""

import pulumi

from engine.address import of_stack
from engine.errors import NeedsPerson
from engine.ports import HostPort, Trial, refused
from settings import Settings
from workloads import edge, pages
from workloads.stack import Stack
from workloads.workload import Workload


def ports_are_free(settings: Settings, stack: Stack) -> None:
    """Raises `pulumi.RunError` that names each port which its container does not publish now and cannot publish.

    To be called before the first resource is registered. An engine that does not answer is for the plan to name.
    """
    publishing = [workload for workload in (stack.edge, *stack.services) if workload.ports]
    lines = [line for workload in publishing for line in _taken(settings, stack, workload)]
    if lines:
        listed = "\n".join(lines)
        raise pulumi.RunError(
            f"The engine cannot publish ports of the stack:\n{listed}\n"
            "Nothing was changed; what ran runs on. Choose another port or address, or end what holds this one, then "
            "run the same command again."
        )


def _taken(settings: Settings, stack: Stack, workload: Workload) -> list[str]:
    networks = [stack.networks[attachment.network] for attachment in workload.networks]
    trial = Trial(
        publisher=workload.name,
        wanted=[HostPort(port.bind, port.host) for port in workload.ports],
        image=workload.image,
        network=next(found.name for found in networks if not found.internal),  # an internal one publishes nothing
        preview=pulumi.runtime.is_dry_run(),
    )
    try:
        problems = refused(of_stack(settings.docker_host), trial)
    except (NeedsPerson, OSError):  # what the engine itself refuses is an OSError too
        return []
    return [f"  {_key(settings, workload, port)}: {port}: {problem}" for port, problem in problems.items()]


def _key(settings: Settings, workload: Workload, port: HostPort) -> str:
    keys = {
        (edge.SERVICE, settings.edge.http_port): "edge.httpPort",
        (edge.SERVICE, settings.edge.https_port): "edge.httpsPort",
        (pages.SERVICE, settings.pages.port): "pages.port",
    }
    return keys[workload.service, port.number]
