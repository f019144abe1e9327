"""Both plugins under the pulumi CLI: one small stack, up, up again, destroyed."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pulumi
import pulumi_command as command
import pulumi_docker
import pytest
from pulumi import automation

from tests.standins.driver import unique

SECRET = "not-for-the-state-file"


@pytest.fixture
def stack(base_image: str, engine: docker.DockerClient, tmp_path: Path) -> Iterator[automation.Stack]:
    name = unique("stack")
    assert engine.ping()

    def program() -> None:
        hidden = pulumi.Output.secret(SECRET)
        volume = pulumi_docker.Volume("v", name=name)
        container = pulumi_docker.Container(
            "c",
            name=name,
            image=base_image,
            command=["sleep", "infinity"],
            envs=[pulumi.Output.format("TOKEN={}", hidden)],
            volumes=[{"volume_name": volume.name, "container_path": "/d"}],
        )
        told = command.local.Command(
            "k",
            create=pulumi.Output.format("echo {}: $(printenv TOKEN | wc -c)", container.name),
            environment={"TOKEN": hidden},
        )
        pulumi.export("envs", container.envs)
        pulumi.export("told", told.stdout)
        pulumi.export("name", container.name)

    backend = tmp_path / "state"
    backend.mkdir()
    settings = automation.LocalWorkspaceOptions(
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        },
        work_dir=str(tmp_path),
    )
    made = automation.create_stack("dev", project_name="orca-plugin-test", program=program, opts=settings)
    yield made
    made.destroy()


def test_a_stack_with_secrets(stack: automation.Stack, engine: docker.DockerClient, tmp_path: Path) -> None:
    previewed = stack.preview()
    assert previewed.change_summary[automation.OpType.CREATE] == 4

    outputs = stack.up().outputs
    name = outputs["name"].value
    assert outputs["told"].value == f"{name}: {len(SECRET) + 1}"
    assert outputs["envs"].secret
    assert f"TOKEN={SECRET}" in engine.containers.get(name).attrs["Config"]["Env"]
    files = [file.read_text() for file in (tmp_path / "state").rglob("*.json")]
    assert any(name in text for text in files)
    assert not any(SECRET in text for text in files)

    stack.up(expect_no_changes=True)
    stack.refresh()
    stack.up(expect_no_changes=True)
    stack.destroy()
    assert engine.containers.list(all=True, filters={"name": name}) == []
    assert engine.volumes.list(filters={"name": name}) == []
