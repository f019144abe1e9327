"""Images that cannot be pulled: an update fails before it touches a container, and names the image."""

import io
import socket
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import requests

from tests.faults.conftest import SOME
from tools.lab.load.client import LoadClient
from tools.lab.stack import SmallStack

NO_DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module", autouse=True)
def up_to_date(running: SmallStack) -> None:
    """A test of another file may have left an update that failed: a preview would go on with it."""
    running.settle(pair=True)
    running.up()


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """`127.0.0.1:<port>` of a registry that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def pushed(registry: str, backend: str, engine: docker.DockerClient) -> str:
    """The backend's repository in the registry, with the tag 1 and, as its second release, the tag 2."""
    repository = f"{registry}/team/api"
    for tag in ("1", "2"):
        # An image of its own, so that the engine has to pull it and cannot know it by its id.
        dockerfile = io.BytesIO(f"FROM {backend}:{tag}\nLABEL from=registry\n".encode())
        engine.images.build(fileobj=dockerfile, tag=f"{repository}:{tag}", rm=True)
        said = "".join(str(line) for line in engine.images.push(repository, tag, stream=True, decode=True))
        assert "errorDetail" not in said, said
        engine.images.remove(f"{repository}:{tag}")
    return repository


def everything(stack: SmallStack) -> dict[str, str]:
    """Name to id of every container of the stack, carriers too."""
    found = stack.engine.containers.list(all=True, filters={"name": f"^/{stack.name}-"}, ignore_removed=True)
    return {container.name or "": container.id or "" for container in found}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("the edge's tag", {"images": {"nginx": "{registry}/nginx:1.99"}}, "{registry}/nginx:1.99"),
    (
        "the edge's digest",
        {"images": {"nginx": f"{{registry}}/nginx:1@{NO_DIGEST}"}},
        f"{{registry}}/nginx:1@{NO_DIGEST}",
    ),
    ("the API's tag", {"api": {"image": "{registry}/team/api"}, "IMAGE_TAG": "3"}, "{registry}/team/api:3"),
    ("a silent registry", {"images": {"nginx": "{silent}/nginx:1"}}, "{silent}/nginx:1"),
    ("no registry", {"images": {"nginx": "127.0.0.1:1/nginx:1"}}, "127.0.0.1:1/nginx:1"),
    ("an image that nobody built", {"IMAGE_TAG": "none"}, "{backend}:none"),
]


@pytest.mark.parametrize(("change", "image"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_nothing_is_touched(
    stack: SmallStack,
    load: LoadClient,
    registry: str,
    pushed: str,
    silent: str,
    backend: str,
    change: dict[str, Any],
    image: str,
) -> None:
    del pushed
    good, before = stack.version, everything(stack)
    words = {"registry": registry, "silent": silent, "backend": backend}
    stack.want(**filled(change, words))
    with load.run(stack.url, stack.ca, SOME) as running:
        failed = stack.up(check=False)
    result = running.end()
    assert failed.returncode != 0
    assert f"  {image.format(**words)}: " in failed.stdout, failed.stdout
    assert "No container was touched" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert everything(stack) == before
    assert not result.lost, result.summary()
    assert result.versions == {good}
    stack.want_again(good)
    stack.pulumi("preview", "--expect-no-changes")


def test_an_image_is_pulled_before_its_container_is_made(
    stack: SmallStack, engine: docker.DockerClient, load: LoadClient, pushed: str
) -> None:
    stack.want(api={"image": pushed}, IMAGE_TAG="2")
    with load.run(stack.url, stack.ca, SOME) as running:
        done = stack.up()
    result = running.end()
    assert f"image 1/1: {pushed}:2: pulled in" in done.stdout
    assert done.stdout.index("pulled in") < done.stdout.index("gate 1/")
    assert not result.lost, result.summary()
    assert engine.containers.get(f"{stack.name}-api-{stack.live}").attrs["Config"]["Image"] == f"{pushed}:2"
    stack.release()
    stack.release()
    engine.images.remove(f"{pushed}:2", force=True)


def test_pin_asks_the_registry_and_keeps_what_was_reviewed(stack: SmallStack, pushed: str) -> None:
    host, _, path = pushed.partition("/")
    kind = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    answer = requests.head(f"http://{host}/v2/{path}/manifests/1", headers=kind, timeout=5)
    digest = answer.headers["Docker-Content-Digest"]
    stack.want(images={"nginx": f"{pushed}:1"})
    stack.deploy("pin")
    assert f"{pushed}:1@{digest}\n" in stack.file.read_text()
    stack.want(images={"nginx": f"{pushed}:1@{NO_DIGEST}"})
    assert f"has {digest} now; the file keeps {NO_DIGEST}" in stack.deploy("pin").stdout
    assert f"{pushed}:1@{NO_DIGEST}\n" in stack.file.read_text()
    stack.run("python3", "-m", "ops", "pin", "--stack", stack.name, "--move")
    assert f"{pushed}:1@{digest}\n" in stack.file.read_text()
    stack.want(images={"nginx": f"{pushed}:3"})
    failed = stack.deploy("pin", check=False)
    assert failed.returncode == 1
    assert f"  {pushed}:3: " in failed.stderr
    stack.want_again(stack.version)


def filled(change: Any, words: dict[str, str]) -> Any:
    """The change with `{registry}` and the like put in."""
    if isinstance(change, dict):
        return {key: filled(value, words) for key, value in change.items()}
    return change.format(**words)
