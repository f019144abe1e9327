"""Where version 0.1.0 has a stack's resources in Pulumi's state. By these aliases a stack of 0.1.0 is taken over.

Pulumi looks for the children of a component below the component's former place too. So a container needs an entry of
its own only if it had another name.
"""

from collections.abc import Mapping

import pulumi

_CONTAINER, _VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
_OLLAMA, _MODELS, _EDGE = "orca:model:Ollama", "orca:model:Models", "orca:edge:Proxy"

SERVICES = {
    "ollama": f"{_OLLAMA}$orca:docker:Container::ollama",
    "model-mirror": f"{_MODELS}$orca:docker:Container::models-mirror",
    "ollama-init": f"{_MODELS}::models",
    "acme": f"{_EDGE}$orca:edge:Acme$orca:docker:Container::edge-acme-client",
    "nginx": f"{_EDGE}$orca:docker:Container::edge",
}
"""The component of a service, by the service's name."""
CONTAINERS = {"ollama-init": f"{_MODELS}${_CONTAINER}::models-init"}
"""The container of a service, where it had another name than its component leads to."""
VOLUMES = {
    "ollama_data": f"{_OLLAMA}${_VOLUME}::ollama-data",
    "edge-state": f"{_EDGE}${_VOLUME}::edge-state",
    "edge-config": f"{_EDGE}$orca:docker:Files${_VOLUME}::edge-config-volume",
    "edge-certificates": f"{_EDGE}$orca:docker:Files${_VOLUME}::edge-certificates-volume",
    "edge-acme": f"{_EDGE}${_VOLUME}::edge-issued",
}
"""A volume, by its name without the stack's."""
COMPONENTS = {"edge": f"{_EDGE}::edge"}


def former(places: Mapping[str, str], key: str) -> list[pulumi.Input[str | pulumi.Alias]]:
    """The aliases of a resource that 0.1.0 had elsewhere; none for what is newer."""
    found = places.get(key)
    return [f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{found}"] if found else []
