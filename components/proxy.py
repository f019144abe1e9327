"""NGINX: the edge of the stack."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from certificates.pem import fingerprint
from components.acme import Acme, AcmeArgs
from components.container import Container, ContainerArgs
from components.files import Files, FilesArgs
from components.step import step
from render import nginx
from settings import Settings
from workloads import acme, edge


@dataclass(frozen=True, kw_only=True)
class ProxyArgs:
    """`certificate` and `key` are PEM; the key is secret."""

    settings: Settings
    networks: Mapping[str, docker.Network]
    certificate: pulumi.Input[str]
    key: pulumi.Input[str]


class Proxy(pulumi.ComponentResource):
    """The edge: its files, its state, its container, and the step that makes a configuration the running one.

    Pulumi type `orca:edge:Proxy`. A changed configuration or certificate is taken up by a reload; the container is
    replaced only when what it is made of changes.
    """

    url: str
    """The base URL, as `https://localhost:8443`."""
    configured: local.Command
    """Done when the edge runs the current configuration."""

    def __init__(self, name: str, args: ProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:edge:Proxy", name, {}, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        workload = edge.proxy(settings)
        volumes = edge.volumes(settings)
        config = nginx.render(settings)

        state = docker.Volume(f"{name}-state", name=volumes[edge.STATE], opts=child)
        files = Files(
            f"{name}-config",
            FilesArgs(
                volume=volumes[edge.CONFIG],
                carrier=f"{workload.name}-config",
                image=workload.image,
                files={f"releases/{config.id}/{path}": text for path, text in config.files.items()},
            ),
            opts=child,
        )
        certificates = Files(
            f"{name}-certificates",
            FilesArgs(
                volume=volumes[edge.CERTIFICATES],
                carrier=f"{workload.name}-certificates",
                image=workload.image,
                files={"tls.crt": args.certificate, "tls.key": args.key},
                mode="0440",
            ),
            opts=child,
        )
        mounted = {
            volumes[edge.CONFIG]: files.volume,
            volumes[edge.CERTIFICATES]: certificates.volume,
            volumes[edge.STATE]: state,
        }
        keeper: list[pulumi.Resource] = []
        if client := acme.client(settings):
            issued = docker.Volume(f"{name}-issued", name=volumes[edge.ACME], opts=child)
            mounted[volumes[edge.ACME]] = issued
            keeper.append(
                Acme(
                    f"{name}-acme",
                    AcmeArgs(
                        settings=settings,
                        workload=client,
                        networks=args.networks,
                        volumes=mounted,
                        first=certificates.carrier,
                    ),
                    opts=child,
                )
            )
        container = Container(
            name,
            ContainerArgs(
                settings=settings,
                workload=workload,
                networks=args.networks,
                volumes=mounted,
                # It waits for its first configuration, which the next step gives it.
                wait=False,
            ),
            opts=child,
        )
        self.configured = step(
            f"{name}-configure",
            "rollout step configure",
            settings,
            {
                "CONTAINER": workload.name,
                "CONFIG": config.id,
                "CONTAINER_ID": container.container.id,
                # One that is issued later is taken up by the container itself.
                "CERTIFICATE": "" if keeper else pulumi.Output.from_input(args.certificate).apply(fingerprint),
            },
            pulumi.ResourceOptions(parent=self, depends_on=[files, certificates, container, *keeper]),
        )
        self.url = nginx.base_url(settings)
        self.register_outputs({"url": self.url})
