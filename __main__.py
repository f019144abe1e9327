"""The stack of Orca Agents: Ollama, the API in two colours, NGINX in front."""

import pulumi

from components.bluegreen import BlueGreen, BlueGreenArgs, kept_volumes
from components.certificate import Certificate, CertificateArgs
from components.edge import Edge, EdgeArgs, edge_files
from components.images import images_on_engine
from components.models import models_fit, models_loaded
from components.monitoring import alerts_reach_somebody, logs_are_found, monitoring_files
from components.network import Networks
from components.plan import release_plan
from components.provider import on_engine
from components.service import Host, services
from components.settings import stack_settings
from components.storage import Storage, StorageArgs
from render.nginx import render
from workloads import ollama, pages
from workloads.stack import stack as everything

settings = stack_settings()
stack = everything(settings)
plan = release_plan(settings, stack)
models_fit(settings, stack)
logs_are_found(settings)
alerts_reach_somebody(settings)
opts = on_engine(settings)

images = images_on_engine(settings, stack, opts)
networks = Networks("network", stack.networks, opts=opts)
certificate = Certificate("certificate", CertificateArgs(settings=settings), opts=opts)
config = render(settings, plan.ways)
contents = {**edge_files(settings, config, certificate), **monitoring_files(settings, config.ways)}
kept = kept_volumes(settings, plan)
storage = Storage(
    "storage", StorageArgs(settings=settings, stack=stack, images=images, contents=contents, kept=kept), opts=opts
)
host = Host(images=images, networks=networks.by_key, storage=storage, running=plan.running)

running = services(settings, stack, host, opts)
loaded = models_loaded(settings, running, plan, opts)
edge = Edge(
    "edge",
    EdgeArgs(settings=settings, host=host, stack=stack, config=config, certificate=certificate, services=running),
    opts=opts,
)
api = BlueGreen(
    "api",
    BlueGreenArgs(settings=settings, host=host, stack=stack, plan=plan, edge=edge, services=running, after=loaded),
    opts=opts,
)

pulumi.export("stack", pulumi.get_stack())
pulumi.export("dockerHost", settings.docker_host or "")
pulumi.export("url", edge.url)
pulumi.export("ca", certificate.ca)
pulumi.export("live", api.live)
pulumi.export("release", api.release)
pulumi.export("image", api.image)
pulumi.export("models", running[ollama.INIT].output)
pulumi.export("endpoints", pages.endpoints(settings))
