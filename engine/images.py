"""Step `images`: pull every image of an update before any container is removed for it.

An image that cannot be pulled fails the update here, and every container runs on. A recreated container is then away
for the time of a restart, never for the time of a download.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Thread
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, StreamParseError
from docker.utils import parse_repository_tag
from urllib3.exceptions import HTTPError

from engine.arguments import Images
from engine.client import say
from engine.credentials import NoCredentials, looked_up, remedy
from engine.errors import Refused

_SPEAK_EVERY = 5  # seconds
_SILENCE = 60
"""Seconds without any progress that end a pull. The engine reports progress several times a second."""
_TRIES = 3  # a download that broke off continues with the layers that are whole
_PAUSE = 2  # seconds
_MB = 1000**2


def ensure(client: docker.DockerClient, args: Images) -> None:
    """Raises Refused with each image that is missing, and why. The step touches no container."""
    missing = [image for image in (*args.built, *args.pulled) if not _is_here(client, image)]
    problems = {image: _NOT_BUILT for image in missing if image in args.built}
    wanted = [image for image in missing if image in args.pulled]
    for number, image in enumerate(wanted, 1):
        if problem := _pull(client, image, f"image {number}/{len(wanted)}: {image}"):
            problems[image] = problem
    if problems:
        lines = "\n".join(f"  {image}: {problem}" for image, problem in problems.items())
        mend = f"Correct the image's name or its registry's credentials ({remedy()}), then run the same command again."
        if {*problems} <= {*args.built}:
            mend = "Use `make up`, which builds them first."
        raise Refused(f"The engine lacks images of this update:\n{lines}\nNo container was touched. {mend}")


_NOT_BUILT = "it is built from images/, and this engine does not have it; `make up` builds it on this machine"


def _is_here(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(_without_tag(image))
    except ImageNotFound:
        return False
    return True


def _without_tag(image: str) -> str:
    """`name:tag@digest` without the tag, which the digest makes idle and not every engine reads beside it."""
    name, at, digest = image.partition("@")
    return re.sub(r":[^:/]+$", "", name) + at + digest if at else image


@dataclass
class _Layers:
    """How far the layers of a pull have come, in bytes."""

    done: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def note(self, event: Mapping[str, Any]) -> None:
        layer, detail = event.get("id", ""), event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            self.done[layer], self.size[layer] = detail["current"], detail["total"]
        elif event.get("status") in ("Download complete", "Pull complete") and layer in self.size:
            self.done[layer] = self.size[layer]

    def __str__(self) -> str:
        done, size = sum(self.done.values()), sum(self.size.values())
        return f"{done / _MB:,.0f} of {size / _MB:,.0f} MB" if size else "waiting for its registry"


def _pull(client: docker.DockerClient, image: str, title: str) -> str:
    """The reason why the pull failed; empty if it did not."""
    begin = time.monotonic()
    say(f"{title}: pulling")
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            say(f"{title}: {problem}; trying again")
            time.sleep(_PAUSE)
        try:
            problem = _follow(_events(client, image), title)
        except APIError as error:
            return str(error.explanation or error)  # the registry has answered: another try gets the same answer
        except NoCredentials as error:
            return str(error)
        except TimeoutError as error:
            return f"its registry does not answer: {error}"
        except OSError as error:
            problem = f"the engine stopped answering ({error})"
        if not problem:
            break
        if _is_final(problem):
            return problem
    if not problem and not _is_here(client, image):
        problem = "the engine pulled it, and has no image of this name"
    if not problem:
        say(f"{title}: pulled in {time.monotonic() - begin:.0f} s")
    return problem


def _events(client: docker.DockerClient, image: str) -> Iterator[Mapping[str, Any]]:
    """The engine's account of a pull, with the credentials of this user's `docker login`.

    Raises TimeoutError after a long silence: the docker package waits for ever, and so does the engine.
    """
    repository, version = parse_repository_tag(_without_tag(image))
    feed: Queue[Mapping[str, Any] | Exception | None] = Queue()

    def read() -> None:
        try:
            with looked_up():
                events = client.api.pull(repository, tag=version or "latest", stream=True, decode=True)
            for event in events:
                feed.put(event)
            feed.put(None)
        except (HTTPError, StreamParseError) as error:  # neither is an OSError: the connection broke off
            feed.put(ConnectionError(str(error)))
        except Exception as error:  # whatever it is: without it, the reader would wait for nothing
            feed.put(error)

    Thread(target=read, daemon=True).start()
    while True:
        try:
            event = feed.get(timeout=_SILENCE)
        except Empty:
            raise TimeoutError(f"nothing came for {_SILENCE} s") from None
        if isinstance(event, Exception):
            raise event
        if event is None:
            return
        yield event


def _follow(events: Iterable[Mapping[str, Any]], title: str) -> str:
    layers, spoken = _Layers(), time.monotonic()
    for event in events:
        if "error" in event:
            return str(event["error"])
        layers.note(event)
        if time.monotonic() - spoken > _SPEAK_EVERY:
            say(f"{title}: {layers}")
            spoken = time.monotonic()
    return ""


def _is_final(problem: str) -> bool:
    """Whether another try would get the same answer."""
    return any(
        words in problem for words in ("not found", "manifest unknown", "denied", "unauthorized", "no such host")
    )
