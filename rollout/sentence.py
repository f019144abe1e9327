"""A plan in a sentence, for the person who reviews a preview."""

from rollout.plan import Plan
from workloads.colour import other


def sentence(plan: Plan, wanted: str, *, manual: bool) -> str:
    """What the update does with the release `wanted`. `manual`: a person promotes it."""
    target, live = plan.target, other(plan.target)
    if plan.frozen:
        return f"Release {wanted}: both colours are left as they are."
    if plan.create is None and not plan.flips and not manual:
        return f"Release {wanted} is live on {target}; no colour changes."
    then = _then(plan, target, manual=manual)
    if plan.create is None:
        return f"Release {wanted} still runs on {target}: {then} No container of the API is recreated."
    if plan.flips and not plan.declared:
        return f"No release is live yet: {target} is created with release {wanted}, gated, then made live."
    if plan.create == target and not plan.flips and not manual:
        return f"{target} is recreated with release {wanted} and gated; requests go to the standby meanwhile."
    if plan.create != target:
        return f"Release {wanted} stays live on {target}; {plan.create} is recreated as its standby."
    return f"{live} stays live; {target} is recreated with release {wanted}. {then}"


def _then(plan: Plan, target: str, *, manual: bool) -> str:
    if manual and not plan.flips:
        return f"{target} is gated, then waits for `make promote`."
    return f"{target} is gated, then requests flip to it."
