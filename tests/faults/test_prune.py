"""A host that cleans itself: `docker system prune` in a cron job takes every container that does not run.

Those are the containers that fill volumes, and the one-shots that have run to their end.
"""

import docker

from tests.faults.conftest import SOME
from tests.faults.test_before import MIGRATE
from tools.lab.load.client import LoadClient
from tools.lab.stack import SmallStack

BEFORE = {"before": MIGRATE}


def prune(stack: SmallStack, engine: docker.DockerClient) -> set[str]:
    """What a prune does to the stack; gives the names of the containers that it took."""
    found = engine.containers.list(all=True, filters={"name": f"^/{stack.name}-"})
    gone = [container for container in found if container.status != "running"]
    for container in gone:
        container.remove()
    return {container.name or "" for container in gone}


def test_updates_and_rollbacks_go_on_after_a_prune(
    pair: SmallStack, engine: docker.DockerClient, load: LoadClient
) -> None:
    pair.release(api=BEFORE)
    assert prune(pair, engine) >= {f"{pair.name}-api-before", f"{pair.name}-edge-config-files"}
    before, was = pair.ids(), pair.live
    with load.run(pair.url, pair.ca, SOME) as running:
        assert pair.planned() == {}
        pair.pulumi("up", "--yes", "--skip-preview", "--refresh")
        after = pair.ids()
        assert {name: after[name] for name in before} == before
        prune(pair, engine)
        pair.release(api=BEFORE, edge={"bodyLimit": "9M"})
        assert pair.live != was
        assert pair.rollout("rollback").returncode == 0
    result = running.end()
    pair.release()  # without what other tests do not have
    assert not result.lost, result.summary()
