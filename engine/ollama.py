"""The model server, asked from inside its container.

It is on a network that only the API reaches, and its image has no HTTP client but bash. Fields of its answers:
https://docs.ollama.com/api.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from engine.client import execute

if TYPE_CHECKING:
    from docker.models.containers import Container

_PORT = 11434
_LISTED = "/root/.ollama/listed"
"""Where `ollama-init` notes the models of OLLAMA_MODELS, one a line, as Ollama shows them."""
# With HTTP/1.0 the answer comes in one piece and the connection ends behind it.
_ASK = rf"""export LC_ALL=C
exec 3<> /dev/tcp/127.0.0.1/{_PORT} || exit 7
printf '%s %s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" ${{#3}} "$3" >&3
cat <&3"""
_CAN_EMBED, _CAN_CHAT = "embedding", "completion"


class NoAnswer(Exception):
    """Ollama did not answer, or answered with an error: its own reason."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model in the volume. `size` in bytes; versions of Ollama before 0.30 tell no `capabilities`."""

    name: str
    digest: str
    size: int
    capabilities: tuple[str, ...]

    @property
    def chats(self) -> bool:
        return _CAN_CHAT in self.capabilities or not self.capabilities

    @property
    def embeds(self) -> bool:
        return _CAN_EMBED in self.capabilities


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model in memory; `size` and what of it is on a GPU, in bytes."""

    name: str
    digest: str
    size: int
    on_gpu: int


def ask(container: "Container", path: str, body: Mapping[str, Any] | None = None, *, timeout: int = 10) -> Any:
    """The answer, JSON, to a GET, or to a POST of `body`. Raises NoAnswer."""
    words = ("GET", "") if body is None else ("POST", json.dumps(body))
    command = ["timeout", str(timeout), "bash", "-c", _ASK, "ask", words[0], path, words[1]]
    said = execute(container, command)
    head, _, text = said.stdout.partition("\r\n\r\n")
    if said.code or not head.startswith("HTTP/1."):
        raise NoAnswer("it does not answer" if said.code != 124 else f"no answer within {timeout} s")
    try:
        found = json.loads(text)
    except ValueError:
        raise NoAnswer(f"{head.split(maxsplit=2)[1]}: {text.strip()[:200]}") from None
    if error := isinstance(found, dict) and found.get("error"):
        raise NoAnswer(str(error))
    return found


def models(container: "Container") -> tuple[Model, ...]:
    """Every model in the volume. Raises NoAnswer."""
    return tuple(
        Model(
            name=found["name"],
            digest=f"sha256:{found['digest']}",
            size=found["size"],
            capabilities=tuple(found.get("capabilities") or ()),
        )
        for found in ask(container, "/api/tags")["models"]
    )


def in_memory(container: "Container") -> tuple[Loaded, ...]:
    """Raises NoAnswer."""
    return tuple(
        Loaded(
            name=found["name"],
            digest=f"sha256:{found['digest']}",
            size=found["size"],
            on_gpu=found.get("size_vram") or 0,
        )
        for found in ask(container, "/api/ps")["models"]
    )


def load(container: "Container", model: Model, *, timeout: int) -> None:
    """Bring a model into memory, for as long as the server's keep-alive says. Raises NoAnswer."""
    if model.chats:
        ask(container, "/api/generate", {"model": model.name, "stream": False}, timeout=timeout)
    else:
        ask(container, "/api/embed", {"model": model.name, "input": "a"}, timeout=timeout)


def listed(container: "Container") -> Iterator[Model]:
    """The models of OLLAMA_MODELS that are in the volume, in the order of the list. Raises NoAnswer."""
    here = {model.name: model for model in models(container)}
    names = execute(container, ["cat", _LISTED]).stdout.split() or list(here)
    return (here[name] for name in names if name in here)


class Cache(TypedDict):
    """A model's cache of keys and values: numbers for each token of context, and the most tokens that it was trained
    for, 0 where the model does not say."""

    per_token: int
    longest: int


def cache(container: "Container", name: str) -> Cache:
    """From the model's own description (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Raises NoAnswer.

    Every layer counts as one that sees the whole context. A model with sliding windows needs less.
    """
    info: dict[str, Any] = ask(container, "/api/show", {"model": name})["model_info"]
    kind = info.get("general.architecture", "")
    layers, heads = info.get(f"{kind}.block_count"), info.get(f"{kind}.attention.head_count")
    if not isinstance(layers, int) or not isinstance(heads, int):
        return Cache(per_token=0, longest=0)
    cached = info.get(f"{kind}.attention.head_count_kv") or heads
    width = info.get(f"{kind}.embedding_length", 0) // heads
    each = info.get(f"{kind}.attention.key_length", width) + info.get(f"{kind}.attention.value_length", width)
    numbers = int(each * (sum(cached) if isinstance(cached, list) else cached * layers))
    return Cache(per_token=numbers, longest=info.get(f"{kind}.context_length") or 0)
