"""The stack of Orca Agents: Ollama, the API in two colours, NGINX in front."""

import pulumi

from components.bluegreen import BlueGreen, BlueGreenArgs
from components.certificate import Certificate, CertificateArgs
from components.models import Models, ModelsArgs
from components.network import Networks
from components.ollama import Ollama, OllamaArgs
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

ollama = Ollama("ollama", OllamaArgs(settings=settings, networks=networks), opts=opts)
models = Models("models", ModelsArgs(settings=settings, networks=networks, volume=ollama.volume), opts=opts)

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
        after=[ollama, models, proxy],
    ),
    opts=opts,
)

pulumi.export("url", proxy.url)
pulumi.export("ca", certificate.ca)
pulumi.export("live", backend.live)
pulumi.export("release", backend.release)
pulumi.export("image", backend.image)
pulumi.export("models", models.digests)
pulumi.export("endpoints", {})
