"""What the step `configure` does while a container is there for which the configuration is not made."""

from typing import Any

import pytest

from engine import configure
from engine.arguments import Configure
from engine.client import Result


class Running:
    """An edge that runs the configuration `old`."""

    name = "x-nginx"

    def run(self, command: list[str]) -> Result:
        return Result(code=0, stdout="/etc/edge/releases/old" if command[0] == "readlink" else "", stderr="")

    def ask(self, path: str) -> str:
        return {"/config": "old"}[path]


@pytest.mark.parametrize(("other", "runs"), [("", "new"), ("x-api-green", "old")])
def test_keys_and_limits_that_wait_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], other: str, runs: str
) -> None:
    switched: list[str] = []
    client: Any = None
    monkeypatch.setattr(configure, "Edge", lambda *_: Running())
    monkeypatch.setattr(configure, "_must_be_safe", lambda *_, **__: None)
    monkeypatch.setattr(configure, "_made_for_another", lambda *_: other)

    def switch(_edge: Running, _files: str, config: str) -> bool:
        switched.append(config)
        return True

    monkeypatch.setattr(configure, "_switch", switch)
    configure.configure(client, Configure(container="x-nginx", config="new"))
    said = capsys.readouterr().err
    assert switched == [runs]
    assert ("keeps the one before with its API keys and limits" in said) == bool(other)
