"""The certificate's keeper where it comes from an ACME authority."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.container import Container, ContainerArgs
from settings import Settings
from workloads.workload import Workload


@dataclass(frozen=True, kw_only=True)
class AcmeArgs:
    """`volumes` by their name on the host: those that `workload` mounts. `first` fills one with the pair to begin with:
    a pair is two files, and while they are changed they do not belong together."""

    settings: Settings
    workload: Workload
    networks: Mapping[str, docker.Network]
    volumes: Mapping[str, docker.Volume]
    first: pulumi.Resource


class Acme(pulumi.ComponentResource):
    """The ACME client. It is ready when there is a certificate to start with, be it the self-signed one.

    Pulumi type `orca:edge:Acme`.
    """

    def __init__(self, name: str, args: AcmeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:edge:Acme", name, {}, opts)
        Container(
            f"{name}-client",
            ContainerArgs(
                settings=args.settings,
                workload=args.workload,
                networks=args.networks,
                volumes=args.volumes,
                after=[args.first],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
