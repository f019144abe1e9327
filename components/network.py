"""The networks of a stack."""

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from workloads.network import NetworkSpec


class Networks(pulumi.ComponentResource):
    """The stack's networks, each with a planned range.

    Pulumi type `orca:network:Networks`; makes one `docker.Network` for each network of the plan.
    """

    by_key: Mapping[str, docker.Network]
    """The networks by their key in the plan."""

    def __init__(self, name: str, plan: Mapping[str, NetworkSpec], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:network:Networks", name, {}, opts)
        self.by_key = {
            key: docker.Network(
                f"{name}-{key}",
                name=spec.name,
                driver="bridge",
                internal=spec.internal,
                ipam_configs=[
                    docker.NetworkIpamConfigArgs(
                        subnet=str(spec.subnet), gateway=str(spec.subnet[1]), ip_range=str(spec.dynamic)
                    )
                ],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for key, spec in plan.items()
        }
        self.register_outputs({"names": [network.name for network in self.by_key.values()]})
