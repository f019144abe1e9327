"""The models in the volume: `ollama-init`, and the mirror that a closed network pulls from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.container import Container, ContainerArgs, container
from components.step import step
from settings import Settings
from workloads import ollama
from workloads.release import release


@dataclass(frozen=True, kw_only=True)
class ModelsArgs:
    settings: Settings
    networks: Mapping[str, docker.Network]
    volume: docker.Volume


class Models(pulumi.ComponentResource):
    """Every model of OLLAMA_MODELS, pulled and checked.

    Pulumi type `orca:model:Models`; makes the container `ollama-init`, never started by the provider, and the step that
    runs it to its end: a failed pull fails the update and is tried again by the next one.
    """

    digests: pulumi.Output[dict[str, str]]
    """Model name to the digest of its manifest."""

    def __init__(self, name: str, args: ModelsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:model:Models", name, {}, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        mirror = ollama.mirror(settings)
        sources = [
            Container(
                f"{name}-mirror",
                ContainerArgs(settings=settings, workload=workload, networks=args.networks, volumes={}),
                opts=child,
            )
            for workload in (mirror,)
            if workload
        ]
        workload = ollama.init(settings)
        init = container(
            f"{name}-init",
            ContainerArgs(
                settings=settings,
                workload=workload,
                networks=args.networks,
                volumes={ollama.volume(settings): args.volume},
            ),
            child,
            start=False,
        )
        pull = step(
            f"{name}-pull",
            "rollout step pull",
            settings,
            {
                "CONTAINER": workload.name,
                "PIDS": str(workload.resources.pids),
                "RELEASE": release(workload, 1),
            },
            pulumi.ResourceOptions(parent=self, depends_on=[init, *sources]),
        )
        self.digests = pull.stdout.apply(json.loads)
        self.register_outputs({"digests": self.digests})
