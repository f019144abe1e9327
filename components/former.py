"""Where version 0.1.0 had a stack's resources in Pulumi's state: a stack that it made is taken over, not made anew."""

import pulumi

_OLLAMA, _MODELS, _EDGE = "orca:model:Ollama", "orca:model:Models", "orca:edge:Proxy"
_CONTAINER, _VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
_FILES, _WRAPPED = "orca:docker:Files", f"orca:docker:Container${_CONTAINER}"

# What a resource is called now (a service, or a volume without the stack's name), and its types and name then.
_FORMER = {
    "ollama": f"{_OLLAMA}${_WRAPPED}::ollama",
    "model-mirror": f"{_MODELS}${_WRAPPED}::models-mirror",
    "ollama-init": f"{_MODELS}${_CONTAINER}::models-init",
    "acme": f"{_EDGE}$orca:edge:Acme${_WRAPPED}::edge-acme-client",
    "nginx": f"{_EDGE}${_WRAPPED}::edge",
    "ollama_data": f"{_OLLAMA}${_VOLUME}::ollama-data",
    "edge-state": f"{_EDGE}${_VOLUME}::edge-state",
    "edge-config": f"{_EDGE}${_FILES}${_VOLUME}::edge-config-volume",
    "edge-certificates": f"{_EDGE}${_FILES}${_VOLUME}::edge-certificates-volume",
    "edge-acme": f"{_EDGE}${_VOLUME}::edge-issued",
}


def former(key: str) -> list[pulumi.Input[str | pulumi.Alias]]:
    """The aliases of a resource that 0.1.0 had elsewhere; none for what is newer."""
    found = _FORMER.get(key)
    return [f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{found}"] if found else []
