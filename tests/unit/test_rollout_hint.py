"""The commands that messages advise."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from engine import arguments
from engine.arguments import VARIABLE
from engine.errors import Refused
from rollout import before, steps
from rollout.arguments import Before, Place
from rollout.hint import for_stack


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("run `python -m rollout repair`.", "run `python -m rollout repair --stack prod`."),
        ("`python -m rollout flip --to blue`, then", "`python -m rollout flip --to blue --stack prod`, then"),
        ("`python -m rollout allow r1 --stack prod`", "`python -m rollout allow r1 --stack prod`"),
        ("`pulumi up --refresh` and `make up`", "`pulumi up --refresh` and `make up`"),
    ],
)
def test_they_name_the_stack_of_the_message(said: str, named: str) -> None:
    assert for_stack(said, "prod") == named


def test_a_step_names_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise Refused("Run `python -m rollout repair`.")

    place = Place(edge="prod-nginx", service="prod-api")
    args = Before(place=place, release="r", container="prod-api-before", pids=1, timeout=1, advice="")
    monkeypatch.setattr(before, "before", refused)
    monkeypatch.setattr(arguments, "connect", lambda _: None)
    monkeypatch.setenv(VARIABLE, json.dumps(asdict(args)))
    with pytest.raises(Refused, match=r"Run `python -m rollout repair --stack prod`\."):
        steps.run("before")
