"""The file of a new stack: it loads, it holds every setting, and its comments tell the truth about the defaults."""

import re
import shutil
from pathlib import Path

import pytest

from components.stack_file import read_stack
from engine.errors import Refused
from ops.new_stack import new_stack
from policy.excuses import excuses
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


def test_it_has_no_secret_and_no_host_of_production(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Production's secrets cannot be decrypted in another stack, so their places are named."""
    file = folder / "Pulumi.prod.yaml"
    text = file.read_text().replace("keys: []", "keys: [{secure: v1:ab}, {secure: v1:cd}]")
    text = text.replace("hostname:", "tls: {certificate: {secure: v1:ef}, key: {secure: v1:gh}}\n    hostname:", 1)
    file.write_text(
        f"{text}  orca-agents:dockerHost: ssh://deploy@production\n"
        "  policy:excuses: [{rule: plain-secret, resource: prod-api-*, why: 'its image: reads no file'}]\n"
    )
    new_stack("second", folder)
    written = (folder / "Pulumi.second.yaml").read_text()
    assert "secure" not in written
    assert "ssh://deploy@production" not in written
    clients = read_stack("second", folder).edge.api_keys
    assert clients is not None
    assert clients["first-client"].keys == ()
    *_, excuse = excuses(folder, "second")
    assert (excuse.resource, excuse.why) == ("second-api-*", "its image: reads no file")
    said = capsys.readouterr().out
    assert "dockerHost was not copied from prod" in said
    for path in ("'edge.apiKeys.first-client.keys[1]'", "edge.tls.certificate", "edge.tls.key"):
        assert f"`pulumi config set --secret --path {path} --stack second`" in said


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
