"""The edge's container as the rollout asks it, where asking itself fails."""

import docker

import images
from rollout.edge import Edge


def test_an_edge_in_which_nothing_can_be_run_has_no_answers(engine: docker.DockerClient) -> None:
    container = engine.containers.run(
        images.reference("nginx"), ["300"], entrypoint="/bin/sleep", environment={"PATH": "/nowhere"}, detach=True
    )
    try:
        edge = Edge(engine, container.id or "")
        assert edge.codes(["blue-0/readyz", "blue-1/readyz"]) == [0, 0]
        assert edge.ask("/live") is None
    finally:
        container.remove(force=True)
