"""What the step `configure` does while a container is there for which the configuration is not made."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from engine import configure
from engine.arguments import Configure
from engine.client import Result
from engine.errors import Refused


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


@pytest.mark.parametrize(
    ("former", "memory", "refused"),
    [(0, 256, False), (21, 256, False), (22, 256, True), (22, 512, False), (22, 0, False)],
    ids=["none", "half", "more than half", "more memory", "an engine without limits"],
)
def test_workers_of_before_leave_room_for_a_reload(former: int, memory: int, refused: bool) -> None:
    lines = "".join(f"/proc/{number}/cmdline\n" for number in range(former))
    edge: Any = SimpleNamespace(
        name="x-nginx",
        run=lambda _: Result(code=0, stdout=lines, stderr=""),
        container=SimpleNamespace(attrs={"HostConfig": {"Memory": memory * 1024 * 1024}}),
    )
    with pytest.raises(Refused, match="22 workers of x-nginx") if refused else nullcontext():
        configure.must_have_room(edge)
