"""NGINX: the edge of the stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pulumi
from pulumi_command import local

from certificates.pem import fingerprint
from components.certificate import Certificate
from components.former import COMPONENTS, former
from components.service import Host, Service, ServiceArgs, needed_by
from components.step import step
from components.storage import Contents
from engine.arguments import Configure
from render.nginx import EdgeConfig, base_url
from settings import Settings
from workloads import edge
from workloads.places import CERTIFICATES, CONFIG
from workloads.stack import Stack


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """`config` is the configuration to run, `services` are those of the stack, by name."""

    settings: Settings
    host: Host
    stack: Stack
    config: EdgeConfig
    certificate: Certificate
    services: Mapping[str, Service] = field(default_factory=dict)


class Edge(pulumi.ComponentResource):
    """The edge's container, and the step that makes a configuration the running one.

    Pulumi type `orca:edge:Edge`. A changed configuration or certificate is taken up by a reload; the container is
    replaced only when what it is made of changes.
    """

    url: str
    """The base URL, as `https://localhost:8443`."""
    config: str
    """The id of its configuration."""
    configured: local.Command
    """Done when the edge runs the current configuration."""

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        before = pulumi.ResourceOptions(aliases=former(COMPONENTS, name))
        super().__init__("orca:edge:Edge", name, {}, pulumi.ResourceOptions.merge(opts, before))
        settings, workload = args.settings, args.stack.edge
        service = Service(
            f"{name}-nginx",
            # It waits for its first configuration, which the next step gives it.
            ServiceArgs(
                settings=settings,
                host=args.host,
                workload=workload,
                after=needed_by(workload, args.services),
                wait=False,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.configured = step(
            f"{name}-configure",
            "engine configure",
            settings,
            self._configuration(args),
            pulumi.ResourceOptions(parent=self, depends_on=[service]),
            again=service.container.id,
        )
        self.url, self.config = base_url(settings), args.config.id
        self.register_outputs({"url": self.url})

    def _configuration(self, args: EdgeArgs) -> pulumi.Output[Configure]:
        made_for = {
            replicas[0].name: args.config.ways[colour].labels for colour, replicas in args.stack.colours.items()
        }
        wanted = Configure(
            container=args.stack.edge.name,
            config=args.config.id,
            production=args.settings.profile == "production",
            made_for=made_for,
        )
        if args.settings.edge.tls.acme:  # a certificate that is issued later is taken up by the container itself
            return pulumi.Output.from_input(wanted)
        return args.certificate.certificate.apply(lambda pem: replace(wanted, certificate=fingerprint(pem)))


def edge_files(settings: Settings, config: EdgeConfig, certificate: Certificate) -> Contents:
    """The files of the edge: its configuration, each version in a folder of its own, and the certificate."""
    volumes = edge.volumes(settings)
    return {
        volumes[CONFIG].name: {f"releases/{config.id}/{path}": text for path, text in config.files.items()},
        volumes[CERTIFICATES].name: {"tls.crt": certificate.certificate, "tls.key": certificate.key},
    }
