"""The edge with a workload in two colours behind it, and nothing else: what the fault tests release and break."""

import pulumi

from components.bluegreen import BlueGreen, BlueGreenArgs
from components.certificate import Certificate, CertificateArgs
from components.network import Networks
from components.plan import release_plan
from components.provider import engine
from components.proxy import Proxy, ProxyArgs
from components.settings import stack_settings
from workloads import api, edge
from workloads.network import networks as network_plan

settings = stack_settings()
plan = release_plan(settings, edge=edge.proxy(settings), wanted=api.colour_workloads(settings, "blue")[0])
opts = engine(settings)
networks = Networks("network", network_plan(settings), opts=opts).by_key
certificate = Certificate("certificate", CertificateArgs(settings=settings), opts=opts)
proxy = Proxy(
    "edge",
    ProxyArgs(settings=settings, networks=networks, certificate=certificate.certificate, key=certificate.key),
    opts=opts,
)
backend = BlueGreen(
    "api",
    BlueGreenArgs(
        settings=settings,
        networks=networks,
        edge=edge.proxy(settings).name,
        plan=plan,
        colours=lambda colour: api.colour_workloads(settings, colour),
        after=[proxy],
    ),
    opts=opts,
)

pulumi.export("url", proxy.url)
pulumi.export("ca", certificate.ca)
pulumi.export("live", backend.live)
pulumi.export("release", backend.release)
pulumi.export("image", backend.image)
