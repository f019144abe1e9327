"""`python -m ops` in the hands of a person who is in a hurry."""

import json
import os
import signal
import subprocess

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient
from tools.lab.stack import SmallStack, wait_for_phase


def test_an_interrupted_up_ends_in_order_and_goes_on(stack: SmallStack, load: LoadClient) -> None:
    old, new = stack.version, stack.want(rollout={"gatePasses": 20, "gateTimeout": "60s"})
    with load.run(stack.url, stack.ca, SOME) as running:
        deployer = subprocess.Popen(
            ["python3", "-m", "ops", "up", "--stack", stack.name],
            cwd=stack.folder,
            env=stack.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell starts background jobs with SIGINT ignored, and these tests may run in one.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        wait_for_phase(stack, "gating", deployer)
        os.killpg(deployer.pid, signal.SIGINT)  # as a terminal sends it, to all of them
        said = deployer.communicate(timeout=120)[0]
        assert deployer.returncode == 130, said
        assert said.endswith("Interrupted. Run the same command again to continue.\n")
        assert "Traceback" not in said
        state = json.loads(stack.pulumi("stack", "export").stdout)
        assert not state["deployment"].get("pending_operations"), "pulumi has ended what it had begun"
        stack.run("python3", "-m", "ops", "up", "--stack", stack.name)
    result = running.end()
    assert result.versions == {old, new}
    assert not result.lost, result.summary()
    assert stack.versions()[stack.live] == new
    stack.version = new
