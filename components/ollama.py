"""The model server and its volume."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.container import Container, ContainerArgs
from settings import Settings
from workloads import ollama


@dataclass(frozen=True, kw_only=True)
class OllamaArgs:
    settings: Settings
    networks: Mapping[str, docker.Network]


class Ollama(pulumi.ComponentResource):
    """Ollama, reachable from the API alone.

    Pulumi type `orca:model:Ollama`; makes the volume of the models and the server.
    """

    volume: docker.Volume

    def __init__(self, name: str, args: OllamaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:model:Ollama", name, {}, opts)
        settings = args.settings
        self.volume = docker.Volume(
            f"{name}-data",
            name=ollama.volume(settings),
            # Models are large and slow to fetch: a stack that is destroyed leaves them, unless it says otherwise.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=settings.models.keep),
        )
        Container(
            name,
            ContainerArgs(
                settings=settings,
                workload=ollama.server(settings),
                networks=args.networks,
                volumes={ollama.volume(settings): self.volume},
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"volume": self.volume.name})
