"""Images reach the engine of another host without a registry; here a second engine on this machine."""

import docker
import pytest

from engine.address import of_stack
from ops.bring import bring
from settings import Settings, load
from tests.faults.test_engine import Engine, namespace
from tools.lab.place import place
from tools.lab.stack import CONFIG
from tools.toolchain.engine_traces import unmount_below
from workloads.stack import stack as everything

__all__ = ["namespace"]


def configured(host: str, backend: str) -> Settings:
    api = {**CONFIG["api"], "image": backend}
    return load("far", {**CONFIG, **place("far").settings, "api": api, "dockerHost": host})


@pytest.mark.usefixtures("namespace")
def test_what_the_other_engine_lacks_is_brought_once(
    tmp_path_factory: pytest.TempPathFactory,
    backend: str,
    engine: docker.DockerClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = Engine(tmp_path_factory.mktemp("engine"))
    far = docker.DockerClient(base_url=own.roots.host)
    try:
        settings = configured(own.roots.host, backend)
        own.take(f"{backend}:no-start")  # whatever is there already stays
        wanted = [image for image in everything(settings).images if image.startswith(backend) or "/nginx:" in image]
        brought = bring(settings, of_stack(own.roots.host))
        assert set(wanted) <= set(brought)
        assert f"image 1/{len(brought)}: " in capsys.readouterr().err
        for image in brought:
            assert far.images.get(image).id == engine.images.get(image).id
        assert bring(settings, of_stack(own.roots.host)) == []
    finally:
        far.close()
        own.end()
        unmount_below(own.roots.runtime, own.roots.data)
