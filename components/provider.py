"""The Docker provider: the engine of the settings, or the default one."""

import pulumi
import pulumi_docker as docker

from settings import Settings


def on_engine(settings: Settings) -> pulumi.ResourceOptions:
    """Options that put a component and its children on the stack's engine."""
    if settings.docker_host is None:
        return pulumi.ResourceOptions()
    return pulumi.ResourceOptions(providers=[docker.Provider("engine", host=settings.docker_host)])
