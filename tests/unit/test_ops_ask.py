"""The wait for the first certificate of an authority."""

from typing import Any

import pytest
import requests

from ops import ask
from settings import load

BASE = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
SETTINGS = load("x", {**BASE, "edge": {"hostname": "llm.example.com"}})


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "FIRST_CERTIFICATE", 0.2)
    monkeypatch.setattr("ops.ask.time.sleep", lambda _: None)


def answering(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | None) -> list[str]:
    """Have requests end so, one after the other, the last one again and again; gives the addresses asked for."""
    asked: list[str] = []

    def get(url: str, **_: Any) -> None:
        asked.append(url)
        if outcome := outcomes[min(len(asked), len(outcomes)) - 1]:
            raise outcome

    monkeypatch.setattr(requests, "get", get)
    return asked


def test_it_ends_when_the_certificate_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, requests.exceptions.SSLError("self-signed"), requests.exceptions.SSLError("x"), None)
    ask.wait_for_certificate(SETTINGS, "https://llm.example.com", "https://ca.example.com/dir")
    assert asked == ["https://llm.example.com/"] * 3


def test_one_that_does_not_come_is_said_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, requests.exceptions.SSLError("self-signed"))
    with pytest.raises(ask.NoAnswer, match=r"no certificate for llm\.example\.com .*docker logs x-acme.*self-signed"):
        ask.wait_for_certificate(SETTINGS, "https://llm.example.com", "https://ca.example.com/dir")


def test_an_edge_that_cannot_be_reached_is_no_reason_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, requests.exceptions.ConnectionError("refused"))
    with pytest.raises(ask.NoAnswer, match="refused"):
        ask.wait_for_certificate(SETTINGS, "https://llm.example.com", "https://ca.example.com/dir")
    assert len(asked) == 1
