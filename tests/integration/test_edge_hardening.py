"""The limit of processes, which the provider cannot set: there for every container, and kept over its restart."""

from tests.integration.edge import EdgeStack
from tools.lab.wait import eventually


def test_a_limit_of_processes_outlives_a_restart(edge: EdgeStack) -> None:
    wanted = {"nginx": 128, f"api-{edge.live}": 256}
    for service, pids in wanted.items():
        container = edge.container(service)
        assert container.attrs["HostConfig"]["PidsLimit"] == pids
        container.restart(timeout=5)
        container.reload()
        assert container.attrs["HostConfig"]["PidsLimit"] == pids
    eventually(lambda: edge.rollout("status").returncode == 0, 20, "the edge is back")
    found = edge.container("nginx").exec_run(["sh", "-c", "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max"])
    assert b"128" in found.output, "the kernel holds it too"
