"""`drift`: what on the host is not as the last update left it, and how to mend it.

What counts is what Pulumi has noted of that update, not the stack's file: an edit that is not deployed yet is no drift.
`pulumi refresh` sees a part of it alone: the provider reads neither environments nor networks nor files back.
"""

from collections.abc import Sequence

from engine.client import connect
from ops.drift.deployed import deployed
from ops.drift.findings import Finding, findings
from ops.pulumi import PulumiFailed, exists
from rollout.stack import engine_of

FOUND = 2
"""Exit code where something differs."""


def drift(stack: str) -> bool:
    """Print what differs; whether anything does. Raises PulumiFailed where there is no stack, NeedsPerson where its
    engine does not answer."""
    if not exists(stack):
        raise PulumiFailed(f"There is no stack {stack}, so nothing can differ from it.")
    where = engine_of(stack)
    found = findings(deployed(stack), connect(where), where)
    print(_report(stack, found))
    return bool(found)


def _report(stack: str, found: Sequence[Finding]) -> str:
    if not found:
        return f"Nothing of {stack} differs on its host from the last update."
    lines = [f"The host of {stack} differs from the last update; the commands below each difference mend it."]
    for finding in found:
        lines += ["", f"{finding.kind}: {finding.what}", *(f"  {command}" for command in finding.mend)]
    return "\n".join([*lines, "", "One `pulumi up --refresh` is enough, after the other commands."])
