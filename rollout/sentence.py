"""A plan in a sentence, for the person who reviews a preview."""

from rollout.plan import Plan
from workloads.colour import other


def sentence(plan: Plan) -> str:
    """What the update does with the wanted release."""
    target, live, wanted = plan.target, other(plan.target), plan.release
    if plan.rebuilds:
        return _rebuilds(plan)
    if plan.frozen:
        return f"The update leaves both colours as they are. The configuration describes release {wanted}."
    then = "Requests flip to it behind the gate."
    if plan.waits:
        then = f"{target} passes the gate and waits for `make promote`."
    if plan.create is None and plan.waits:
        return f"{live} stays live. {target} still runs release {wanted}: the update recreates no container. {then}"
    if plan.create is None and plan.flips:
        return f"{live} stays live until {target}, which still runs release {wanted}, has passed the gate. {then}"
    if plan.create is None:
        return f"{target} runs release {wanted}. The update recreates no container of the API."
    if plan.create != target:
        return f"{target} stays live with release {wanted}. The update recreates {plan.create} as its standby."
    if plan.flips and not plan.declared:
        return f"No release is live yet. The update creates {target} with release {wanted}. {then}"
    if plan.flips or plan.waits:
        return f"{live} stays live. The update puts release {wanted} on {target}. {then}"
    return f"{target} is live and has no container. The update creates it again with release {wanted}."


def _rebuilds(plan: Plan) -> str:
    moves = (
        "network.cidr moves the networks of the stack: the update stops and recreates every container, the edge and "
        "the model server too. No request is answered meanwhile."
    )
    if plan.flips:
        return (
            f"{moves} No release is live yet; requests go to {plan.target} with release {plan.release} behind the gate."
        )
    standby = other(plan.target)
    copied = standby in plan.declared or plan.create == standby
    return f"{moves} {plan.target} stays live with release {plan.release}." + (
        f" {standby} gets the same release, so there is nothing to roll back to until the next one." if copied else ""
    )
