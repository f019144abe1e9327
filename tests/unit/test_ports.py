"""The host ports that an update tries before it touches anything."""

from typing import Any

import pulumi
import pytest

import components.ports
from components.ports import ports_are_free
from engine.ports import HostPort, Trial
from settings import load
from workloads.stack import stack as everything

PLAIN: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "IMAGE_TAG": "local",
    "OLLAMA_MODELS": ["tiny:1"],
    "edge": {"httpPort": 8080, "httpsPort": 8443},
    "pages": {"port": 9555},
}


def tried(monkeypatch: pytest.MonkeyPatch, problem: str = "", **more: Any) -> list[Trial]:
    trials: list[Trial] = []

    def refused(_address: str, trial: Trial) -> dict[HostPort, str]:
        trials.append(trial)
        return dict.fromkeys(trial.wanted, problem) if problem else {}

    monkeypatch.setattr(components.ports, "refused", refused)
    settings = load("x", PLAIN | more)
    ports_are_free(settings, everything(settings))
    return trials


def test_every_container_that_publishes_ports_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network with a way out: an internal one publishes nothing."""
    found = {trial.publisher: trial for trial in tried(monkeypatch)}
    assert {name: [port.number for port in trial.wanted] for name, trial in found.items()} == {
        "x-nginx": [8080, 8443],
        "x-pages": [9555],
    }
    assert {name: trial.network for name, trial in found.items()} == {"x-nginx": "x-edge", "x-pages": "x-pages"}


def test_without_pages_the_edge_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [trial.publisher for trial in tried(monkeypatch, monitoring="off", logging="off")] == ["x-nginx"]


def test_all_that_are_taken_are_named_by_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        tried(monkeypatch, "taken")
    for line in (
        "edge.httpPort: 0.0.0.0:8080: taken",
        "edge.httpsPort: 0.0.0.0:8443: taken",
        "pages.port: 127.0.0.1:9555: taken",
    ):
        assert line in str(refused.value)
