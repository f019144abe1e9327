"""The models in memory: whether they fit is looked at before anything is touched, and a release waits for those of
`ollama.preload`."""

from collections.abc import Mapping

import docker
import pulumi
from docker.errors import APIError

from components.service import Service
from components.step import step
from engine import ollama as model_server
from engine.address import of_stack
from engine.arguments import Load
from engine.client import connect, find
from engine.errors import CommandError
from engine.gpu import missing
from rollout.plan import Plan
from settings import Settings
from workloads import ollama
from workloads.memory import Footprint, memory_plan
from workloads.stack import Stack

_LOAD_TIMEOUT = 600  # seconds: a model of 40 GB from a slow disk
_STALLED = 300  # Ollama's own limit for a load without progress, OLLAMA_LOAD_TIMEOUT


def models_fit(settings: Settings, stack: Stack) -> None:
    """Say what the models need of the memory limit, as far as the host knows them. To be called before the first
    resource is registered. Raises `pulumi.RunError` for what cannot fit, and for GPUs that the host does not have."""
    try:
        client = connect(of_stack(settings.docker_host))
        if settings.gpu != "none":
            _must_have_gpus(client, settings, stack)
            return  # how much a GPU holds, only Ollama knows
        known = _footprints(client, settings)
    except (CommandError, OSError, APIError, model_server.NoAnswer):
        return  # the plan of the release has said that the host does not answer
    if not known:
        return
    plan = memory_plan(settings, known)
    if plan.refusal:
        raise pulumi.RunError(plan.refusal)
    (pulumi.log.warn if plan.short else pulumi.log.info)(plan.text)


def _must_have_gpus(client: docker.DockerClient, settings: Settings, stack: Stack) -> None:
    work = ollama.server(settings)
    if reason := missing(client, (work.image, *stack.images), work.gpus, work.devices):
        raise pulumi.RunError(
            f"gpu is {settings.gpu}, but {reason}. Nothing was changed. Correct the host, or set gpu and gpuDevices."
        )


def _footprints(client: docker.DockerClient, settings: Settings) -> dict[str, Footprint]:
    """Of the models that are in the volume of a model server that runs, by their full names."""
    container = find(client, ollama.server(settings).name)
    if container is None or container.status != "running":
        return {}
    here = {found.name: found for found in model_server.models(container)}
    return {
        model.full_name: Footprint(weights=found.size, **model_server.cache(container, found.name))
        for model in settings.ollama_models
        if (found := here.get(model.shown))
    }


def models_loaded(
    settings: Settings, running: Mapping[str, Service], plan: Plan, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """The step that loads them, or no step: once they are pulled, again when the model server was made anew, and before
    each release, for a model server that has started again has nothing in memory."""
    if not settings.preloaded:
        return []
    server, init = running[ollama.SERVICE], running[ollama.INIT]
    names = [model.shown for model in settings.preloaded]
    argument = init.output.apply(
        lambda found: Load(
            container=ollama.server(settings).name,
            models={name: found[name] for name in names},
            gpu="" if settings.gpu == "none" else settings.gpu,
            timeout=max(_LOAD_TIMEOUT, 2 * (settings.ollama.load_timeout or _STALLED)),
        )
    )
    again = pulumi.Output.concat(server.container.id, " ", str(plan.attempt))
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[server, init]))
    return [step("ollama-load", "engine load", settings, argument, after, again=again)]
