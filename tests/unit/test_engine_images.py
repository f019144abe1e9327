"""Pulling images: what is said of the progress, what a reference is asked for as, and what ends a pull."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from engine import images
from engine.arguments import Images
from engine.errors import Refused

DIGEST = f"sha256:{'a' * 64}"


class Engine:
    """An engine without images, whose pulls go as `pulls` has them, one after the other."""

    def __init__(self, *pulls: Any) -> None:
        self.pulls, self.asked = list(pulls), list[tuple[str, str]]()
        self.here: set[str] = set()
        self.api = self.images = self

    def get(self, name: str) -> None:
        if not self.here & {name, f"{name}:latest"}:
            raise ImageNotFound(name)

    def pull(self, repository: str, *, tag: str, **_: Any) -> Iterator[dict[str, Any]]:
        self.asked.append((repository, tag))
        found = self.pulls.pop(0)
        if isinstance(found, Exception):
            raise found
        yield from found
        self.here |= {f"{repository}:{tag}", f"{repository}@{tag}"}


def pull(engine: Engine, *pulled: str, built: tuple[str, ...] = ()) -> None:
    images.ensure(engine, Images(pulled=pulled, built=built))  # type: ignore[arg-type] # has what is used of a client


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_PAUSE", 0)
    monkeypatch.setattr(images, "_SILENCE", 0.2)


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        ("nginx:1.31", ("nginx", "1.31")),
        ("nginx", ("nginx", "latest")),
        (f"nginx:1.31@{DIGEST}", ("nginx", DIGEST)),
        (f"localhost:5000/a/b@{DIGEST}", ("localhost:5000/a/b", DIGEST)),
        (f"localhost:5000/a/b:1@{DIGEST}", ("localhost:5000/a/b", DIGEST)),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
    ],
)
def test_a_reference(image: str, asked: tuple[str, str]) -> None:
    engine = Engine([])
    pull(engine, image)
    assert engine.asked == [asked]


def test_what_is_here_is_not_pulled() -> None:
    engine = Engine()
    engine.here.add("a:1")
    pull(engine, "a:1", built=("a:1",))
    assert engine.asked == []


def test_every_missing_image_is_named_at_once() -> None:
    engine = Engine([{"error": "manifest unknown"}], APIError("denied", explanation="access denied"))
    with pytest.raises(Refused) as refused:
        pull(engine, "a:1", "b:1", built=("orca-agents/c:1",))
    text = str(refused.value)
    assert "  a:1: manifest unknown\n  b:1: access denied\n" in text
    assert "  orca-agents/c:1: it is built from images/" in text
    assert "No container was touched" in text


def test_a_download_that_breaks_off_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine([{"error": "unexpected EOF"}], ConnectionError("reset"), [{"status": "Pull complete"}])
    pull(engine, "a:1")
    assert len(engine.asked) == 3
    assert "image 1/1: a:1: unexpected EOF; trying again" in capsys.readouterr().err


def test_silence_ends_it() -> None:
    def silent() -> Iterator[dict[str, Any]]:
        yield {"status": "Pulling from a"}
        time.sleep(2)

    begin = time.monotonic()
    with pytest.raises(Refused, match=r"a:1: its registry does not answer: nothing came for 0\.2 s"):
        pull(Engine(silent()), "a:1")
    assert time.monotonic() - begin < 1


def test_progress() -> None:
    layers = images._Layers()
    assert str(layers) == "waiting for its registry"
    layers.note({"id": "1", "status": "Downloading", "progressDetail": {"current": 10_000_000, "total": 30_000_000}})
    layers.note({"id": "2", "status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 2_000_000_000}})
    assert str(layers) == "11 of 2,030 MB"
    layers.note({"id": "1", "status": "Download complete", "progressDetail": {}})
    layers.note({"id": "3", "status": "Already exists", "progressDetail": {}})
    assert str(layers) == "31 of 2,030 MB"
