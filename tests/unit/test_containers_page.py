"""The tables of docs/containers.md: current, and made from the one list."""

import pytest

from components.stack_file import read_stack
from ops import containers
from render.containers import tables
from tests.unit.test_workloads import TestTheList
from workloads import stack as the_list
from workloads.stack import stack


def test_the_page_is_current() -> None:
    assert containers.PAGE.read_text() == containers.page("prod", containers.PAGE), "run `make docs`"


def test_a_workload_that_is_added_to_the_list_is_in_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_list, "SERVICES", {**the_list.SERVICES, "echo": TestTheList.echo})
    text = tables(stack(read_stack("prod")))
    assert "| `prod-echo` | says everything twice |" in text
    assert "| echo | 7 | alertmanager, api-blue, api-green, ollama-init |" in text
