"""A change of `network.cidr`: Pulumi replaces the networks, and with them every container of the stack.

All containers then are what the settings describe: the live colour at once, without a gate, and the standby too.
"""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from rollout.arguments import Look
from rollout.colours import Colours, release_of
from rollout.plan import Observed, Plan


def rebuild(made: Plan, seen: Observed, look: Look) -> Plan:
    """The plan `made`, where the containers must move to other networks. `made` itself where they need not.

    A live colour gets no release this way: the plan is a refusal then.
    """
    if made.refusal or not _move(seen.colours, look.network):
        return made
    live = seen.journal.live if seen.journal else None
    running = release_of(seen.colours[live]) if live else ""
    if live and seen.colours[live] and running != made.release:
        return Plan(
            refusal="network.cidr moves the networks of the stack, and this update also brings release "
            f"{made.release}. The update would recreate {live}, which is live with release "
            f"{running or 'of several kinds'}, with a release that no gate has seen. Nothing was changed. Make two "
            "updates: first change network.cidr alone, with the settings of the release that is live; this restarts "
            "every container. Then release."
        )
    # Nothing of the old containers stays, neither their number nor the way to them nor their secrets.
    return replace(
        made,
        rebuilds=True,
        declared=dict.fromkeys(made.declared, ()),
        ways={},
        volumes={},
        release=look.wanted.release,
    )


def _move(colours: Colours, network: str) -> bool:
    """Whether a replica has no address on `network`, the wanted one between the edge and the API.

    The networks of two values of `network.cidr` are the same or do not overlap, so one of them is enough.
    """
    wanted = ip_network(network)
    return any(
        replica.addresses and not any(ip_address(found) in wanted for found in replica.addresses)
        for replicas in colours.values()
        for replica in replicas
    )
