"""What secrets cost: a preview of forty in three stores takes as long as the slowest store, and no longer."""

import time
from pathlib import Path
from typing import Any

import docker
import pytest

from tools.lab.place import place
from tools.lab.stack import SmallStack
from tools.lab.stores import aws, doppler
from tools.lab.stores.vault import server as vault

SLOW = 2.0
NAMES = [f"SECRET_{number}" for number in range(40)]


@pytest.fixture
def stack(tmp_path: Path, engine: docker.DockerClient) -> SmallStack:
    """A stack that is not deployed: a preview of it plans everything."""
    stack = SmallStack(tmp_path, engine, "none", place("itg"))
    stack.pulumi("stack", "init")
    stack.env |= {"DOPPLER_TOKEN": doppler.SERVICE, "VAULT_TOKEN": vault.TOKEN, **aws.CREDENTIALS}
    return stack


def seconds(stack: SmallStack) -> float:
    begin = time.monotonic()
    stack.pulumi("preview")
    return time.monotonic() - begin


@pytest.mark.alone
def test_forty_secrets_cost_what_the_slowest_store_costs(stack: SmallStack) -> None:
    with doppler.running() as first, aws.running() as second, vault.running() as third:
        first.secrets |= dict.fromkeys(NAMES, "value")
        for name in NAMES[:14]:
            second.put(name, "value")
        for name in NAMES[14:27]:
            third.put(name, {"value": "value"})
        given: dict[str, Any] = {
            name: {"from": "aws", "key": name}
            if number < 14
            else {"from": "vault", "key": f"{name}#value"}
            if number < 27
            else {"from": "doppler", "key": name}
            for number, name in enumerate(NAMES)
        }
        stores = {
            "releaseKey": {"from": "command", "key": "echo 0123456789abcdef0123456789abcdef"},
            "doppler": {"url": first.url},
            "aws": {"region": aws.REGION, "endpoint": second.endpoint},
            "vault": {"address": third.address},
        }
        without, took = [], []
        for _ in range(4):  # by turns, and the best of each: the machine's own pauses are in both
            stack.want()
            without.append(seconds(stack))
            first.trouble = [SLOW]
            stack.want(api={"secrets": dict(given)}, secrets=dict(stores))
            took.append(seconds(stack))
    # A quarter of a preview is what the machine itself varies by, and what forty more inputs take.
    assert min(took) - min(without) < SLOW + min(without) / 4, (without, took)
