"""The file of a new stack: it loads, it holds every setting, and its comments tell the truth about the defaults."""

import re
import shutil
from pathlib import Path

import pytest

from components.stack_file import read_stack
from engine.errors import Refused
from ops.new_stack import new_stack
from settings import Settings, SettingsError
from settings.schema import leaves
from tools.lab.project import ROOT

MEANING = re.compile(r"\[(none|reload|release|restart: \w+|rebuild)\]( \(a secret\))?$")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_it_has_the_settings_of_production_and_addresses_of_its_own(folder: Path) -> None:
    new_stack("second", folder)
    made, prod = read_stack("second", folder), read_stack("prod", folder)
    assert str(made.network.cidr) == "10.77.32.0/20"
    assert made.model_copy(update={"stack": "prod", "network": prod.network}) == prod
    new_stack("third", folder)
    assert str(read_stack("third", folder).network.cidr) == "10.77.48.0/20"


def test_every_setting_is_there_with_its_meaning(folder: Path) -> None:
    new_stack("second", folder)
    text = (folder / "Pulumi.second.yaml").read_text()
    for leaf in leaves():
        if not leaf.key.startswith("edge.apiKeys."):  # which the production stack writes in one piece
            assert f"# {leaf.description} [{leaf.effect}]" in text, leaf.key


def test_a_comment_holds_the_default(folder: Path) -> None:
    """Each one with a value, without its `# `: the settings are the same, or it is refused for lack of another."""
    new_stack("second", folder)
    file = folder / "Pulumi.second.yaml"
    text, before = file.read_text(), read_stack("second", folder)
    tried = 0
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        bare = line.lstrip().removeprefix("# ")
        key, _, value = bare.partition(": ")
        if bare == line.lstrip() or " " in key or MEANING.search(line) or not value.strip():
            continue
        if head_of(lines, number).lstrip().startswith("# "):
            continue  # the whole group is a comment
        file.write_text("".join([*lines[:number], line.replace("# ", "", 1), *lines[number + 1 :]]))
        tried += 1
        assert (differs(folder, before) or NO_USE) == NO_USE, line
    assert tried > 30


def head_of(lines: list[str], number: int) -> str:
    """The line that the setting in a line stands below."""
    return next(
        line for line in reversed(lines[:number]) if indent(line) < indent(lines[number]) and not MEANING.search(line)
    )


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


NO_USE = "no use without another setting"
LACKS = (
    "has no effect",
    "names half",
    "is required",
    "is not below api.paths",
    "is for development stacks",
    "is not valid YAML",
)


def differs(folder: Path, before: Settings) -> str:
    """Whether the stack's settings are others than before; `NO_USE` where they are refused for lack of another one."""
    try:
        return "" if read_stack("second", folder) == before else "others"
    except SettingsError as error:
        return NO_USE if any(words in str(error) for words in LACKS) else str(error)


@pytest.mark.parametrize(("name", "said"), [("prod", "is there already"), ("Two Words", "cannot be a stack")])
def test_nothing_is_overwritten(folder: Path, name: str, said: str) -> None:
    before = (folder / "Pulumi.prod.yaml").read_text()
    with pytest.raises(Refused, match=said):
        new_stack(name, folder)
    assert (folder / "Pulumi.prod.yaml").read_text() == before
