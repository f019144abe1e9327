"""The smoke request: one real request to a replica, through the edge's admin socket, and the verdict on its answer."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine import ollama
from engine.client import find
from rollout.arguments import MODEL, Asked, Smoke
from rollout.claim import Claim
from rollout.colours import Replica

if TYPE_CHECKING:
    import docker

_EMBEDDINGS = "/embeddings"  # how the paths end that ask for no words
_SHOWN = 400  # characters of a wrong answer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`code` is the status, 0 for no whole answer after `seconds`. `right`: a 2xx that holds what is expected."""

    code: int
    text: str
    seconds: float
    right: bool

    def __str__(self) -> str:
        return f"{self.code}: {self.text.strip()[:_SHOWN]}" if self.code else f"no answer within {self.seconds:.0f} s"


def send(claim: Claim, replica: Replica, smoke: Smoke, *, timeout: float) -> Answer:
    """Send the smoke request and wait for the answer, for `timeout` seconds at most. It is cut off once another claim
    stands: a new deployment that drains this colour would wait for the answer."""
    begin = time.monotonic()
    code, text = claim.edge.send(
        smoke.method, replica.at(smoke.path), smoke.body, timeout=timeout, only_while=claim.condition
    )
    right = 200 <= code < 300 and smoke.expect in text
    return Answer(code=code, text=text, seconds=time.monotonic() - begin, right=right)


def of_a_model(client: "docker.DockerClient", smoke: Smoke | None, asked: Asked) -> Smoke | None:
    """The request with the name of a model in it: the first that can answer it, of those in memory before others."""
    if smoke is None or MODEL not in smoke.body:
        return smoke
    container = find(client, asked.server)
    try:
        listed = tuple(ollama.listed(container)) if container else ()
    except ollama.NoAnswer:
        listed = ()
    embeds = smoke.path.endswith(_EMBEDDINGS)
    able = [model.name for model in listed if (model.embeds if embeds else model.chats)]
    able.sort(key=lambda name: name not in asked.preload)
    if listed and not able and asked.otherwise:
        return of_a_model(client, asked.otherwise, replace(asked, otherwise=None))
    return replace(smoke, body=smoke.body.replace(MODEL, able[0] if able else asked.first))
