"""Which model a smoke request asks."""

from typing import Any, cast

import pytest

from engine import ollama
from rollout import smoke
from rollout.arguments import Asked, Smoke

CHAT = Smoke(method="POST", path="/v1/chat/completions", body='{"model": "{model}"}', expect="[DONE]", timeout=5)
EMBED = Smoke(method="POST", path="/v1/embeddings", body='{"model": "{model}"}', expect="embedding", timeout=5)
ASKED = Asked(server="x-ollama", first="first:1", otherwise=EMBED)


def model(name: str, *capabilities: str) -> ollama.Model:
    return ollama.Model(name=name, digest="sha256:0", size=1, capabilities=capabilities)


def chosen(monkeypatch: pytest.MonkeyPatch, request: Smoke, *listed: ollama.Model, asked: Asked = ASKED) -> Smoke:
    monkeypatch.setattr(smoke, "find", lambda *_: object())
    monkeypatch.setattr(ollama, "listed", lambda _: iter(listed))
    found = smoke.of_a_model(cast(Any, None), request, asked)
    assert found
    return found


def test_the_first_that_can_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(monkeypatch, CHAT, model("e:1", "embedding"), model("c:1", "completion"), model("d:1", "completion"))
    assert (found.path, found.body) == (CHAT.path, '{"model": "c:1"}')


def test_one_that_is_in_memory_before_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(server="x-ollama", first="big:70b", preload=("e:1", "small:1b"))
    listed = [model("big:70b", "completion"), model("e:1", "embedding"), model("small:1b", "completion")]
    assert chosen(monkeypatch, CHAT, *listed, asked=asked).body == '{"model": "small:1b"}'


def test_an_embedding_where_none_can(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(monkeypatch, CHAT, model("e:1", "embedding"))
    assert (found.path, found.body) == (EMBED.path, '{"model": "e:1"}')


def test_a_request_of_the_operator_s_own_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Asked(server="x-ollama", first="first:1")
    found = chosen(monkeypatch, CHAT, model("e:1", "embedding"), asked=own)
    assert (found.path, found.body) == (CHAT.path, '{"model": "first:1"}')


def test_an_embedding_is_asked_of_a_model_that_embeds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(monkeypatch, EMBED, model("c:1", "completion"), model("e:1", "embedding"))
    assert found.body == '{"model": "e:1"}'


def test_a_version_that_tells_no_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, CHAT, model("a:1"), model("b:1")).body == '{"model": "a:1"}'


def test_ollama_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: object) -> Any:
        raise ollama.NoAnswer("it does not answer")

    monkeypatch.setattr(smoke, "find", lambda *_: object())
    monkeypatch.setattr(ollama, "listed", silent)
    found = smoke.of_a_model(cast(Any, None), CHAT, ASKED)
    assert found
    assert found.body == '{"model": "first:1"}'


def test_a_request_without_a_model_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Any:
        raise AssertionError

    monkeypatch.setattr(smoke, "find", never)
    plain = Smoke(method="GET", path="/healthz", body="", expect="ok", timeout=5)
    assert smoke.of_a_model(cast(Any, None), plain, ASKED) == plain
    assert smoke.of_a_model(cast(Any, None), None, ASKED) is None
