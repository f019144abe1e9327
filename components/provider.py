"""The Docker provider: the engine that the settings name, or the user's own."""

import os

import pulumi
import pulumi_docker as docker

from settings import Settings


def on_engine(settings: Settings) -> pulumi.ResourceOptions:
    """Options that put a component and its children on the stack's engine.

    Raises `pulumi.RunError` where the provider would follow something that the steps of a deployment do not know: they
    would then work on another engine than the provider.
    """
    if context := os.environ.get("DOCKER_CONTEXT"):
        # The provider takes it from its environment, and it "overrides the host" (pulumi_docker.ProviderArgs.context).
        raise pulumi.RunError(
            f"DOCKER_CONTEXT is {context}, and the Docker provider would follow it instead of dockerHost. Nothing was "
            "changed. Unset it, and name the engine by dockerHost in the stack's configuration, or by DOCKER_HOST."
        )
    for key in ("host", "context"):
        if pulumi.Config("docker").get(key):
            raise pulumi.RunError(
                f"docker:{key} is set, which only the Docker provider reads. Nothing was changed. Remove it with "
                f"`pulumi config rm docker:{key} --stack {pulumi.get_stack()}`, and name the engine by dockerHost."
            )
    if settings.docker_host is None:
        return pulumi.ResourceOptions()
    return pulumi.ResourceOptions(providers=[docker.Provider("engine", host=settings.docker_host)])
