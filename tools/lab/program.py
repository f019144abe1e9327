"""The edge with a workload in two colours behind it, and nothing else: what the fault tests release and break."""

from dataclasses import replace

import pulumi

from components.bluegreen import BlueGreen, BlueGreenArgs, kept_volumes
from components.certificate import Certificate, CertificateArgs
from components.edge import Edge, EdgeArgs, edge_files
from components.images import images_on_engine
from components.network import Networks
from components.plan import release_plan
from components.provider import on_engine
from components.service import Host, services
from components.settings import stack_settings
from components.storage import Storage, StorageArgs
from render.nginx import render
from settings import Settings
from workloads import pages
from workloads.stack import Stack
from workloads.stack import stack as everything


def without_models(settings: Settings) -> Stack:
    """The stack with the services that the edge needs, and no model server for the colours to wait for."""
    whole = everything(settings)
    needed = {found.service for found in whole.edge.depends_on}
    colours = {
        colour: tuple(replace(replica, depends_on=()) for replica in replicas)
        for colour, replicas in whole.colours.items()
    }
    kept = tuple(service for service in whole.services if service.service in needed)
    return replace(whole, services=kept, colours=colours)


settings = stack_settings()
stack = without_models(settings)
plan = release_plan(settings, stack)
opts = on_engine(settings)

images = images_on_engine(settings, stack, opts)
networks = Networks("network", stack.networks, opts=opts)
certificate = Certificate("certificate", CertificateArgs(settings=settings), opts=opts)
config = render(settings, plan.ways)
contents = edge_files(settings, config, certificate)
kept = kept_volumes(settings, plan)
storage = Storage(
    "storage", StorageArgs(settings=settings, stack=stack, images=images, contents=contents, kept=kept), opts=opts
)
host = Host(images=images, networks=networks.by_key, storage=storage, running=plan.running)
running = services(settings, stack, host, opts)
edge = Edge(
    "edge",
    EdgeArgs(settings=settings, host=host, stack=stack, config=config, certificate=certificate, services=running),
    opts=opts,
)
api = BlueGreen(
    "api",
    BlueGreenArgs(settings=settings, host=host, stack=stack, plan=plan, edge=edge, services={}),
    opts=opts,
)

pulumi.export("stack", pulumi.get_stack())
pulumi.export("dockerHost", settings.docker_host or "")
pulumi.export("url", edge.url)
pulumi.export("ca", certificate.ca)
pulumi.export("live", api.live)
pulumi.export("release", api.release)
pulumi.export("image", api.image)
pulumi.export("endpoints", pages.endpoints(settings))
