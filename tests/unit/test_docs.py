"""Every block of code in the docs: a configuration that loads, a command that exists, or one that is named as no code.

Here the docs are held to the names of commands, their arguments, and the keys that they set. In tests/integration,
test_docs.py and test_compose.py carry out every command that tests/pages.py does not name with the reason why not.
"""

import contextlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import __main__ as ops
from policy.excuses import KEY, excuses
from rollout import __main__ as rollout
from settings import load
from settings.schema import leaves
from tests.pages import FROM_COMPOSE, NOT_CODE, NOT_RUN, PAGES, YAML, blocks, commands
from tools.lab.project import ROOT, overlaid

# Programs that are not this project's.
OTHERS = {
    "curl", "df", "docker", "echo", "eval", "ollama", "openssl", "pip", "policy/venv/bin/pip", "python3", "sed",
}  # fmt: skip
PULUMI = {"up", "preview", "stack", "config", "login"}
BASE: dict[str, Any] = {"profile": "development", "OLLAMA_VERSION": "1", "OLLAMA_MODELS": ["a:1"], "IMAGE_TAG": "1"}
BASE["edge"] = {"apiKeys": {"app": {"keys": []}}}
WITH_SECRETS = {"secrets": {"releaseKey": "0123456789abcdef" * 2}}


BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}") for page in PAGES for number, block in enumerate(blocks(page))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_loads_or_is_a_command_or_is_named(block: str, tmp_path: Path) -> None:
    if block.startswith(tuple(NOT_CODE)):
        return
    if YAML.match(block):
        written = yaml.safe_load(block)
        if KEY in written:
            (tmp_path / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": written}))
            assert excuses(tmp_path, "x")
        else:
            config = {key.removeprefix("orca-agents:"): value for key, value in written.items()}
            base = BASE | (WITH_SECRETS if "secrets" in config.get("api", {}) else {})
            load("x", overlaid(base, config))
        return
    for command in single(block):
        check(command)


def test_there_are_blocks_and_each_excuse_is_used() -> None:
    texts = [block for page in PAGES for block in blocks(page)]
    assert len(texts) > 30
    assert not [page.name for page in PAGES if "```" in page.read_text()], "indented blocks are the ones that are found"
    assert [begin for begin in NOT_CODE if not any(text.startswith(begin) for text in texts)] == []
    asked = [command for text in texts for command in commands(text)]
    assert [begin for begin in NOT_RUN if not any(command.startswith(begin) for command in asked)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_names_targets_that_exist(page: Path) -> None:
    for command in re.findall(r"`(make [^`…]+)`", page.read_text().replace("\n", " ")):
        check(command)


@pytest.mark.parametrize(
    "command",
    [
        "make deplyo",
        "make up STAK=prod",
        "python -m rollout alow x",
        "python -m ops pin --stak x",
        "python -m pytest tests/nowhere",
        "pulumi upp",
        "pulumi config set edge.hostnam x",
        "kubectl apply",
    ],
)
def test_a_wrong_command_would_be_found(command: str) -> None:
    with pytest.raises(AssertionError):
        check(command)


def test_the_way_from_compose_keeps_what_env_says_and_executes_none_of_it(tmp_path: Path) -> None:
    lines = [command for block in blocks(FROM_COMPOSE) for command in commands(block)]
    write = next(line for line in lines if line.startswith('echo "API_KEY='))
    read = next(line for line in lines if "&& API_KEY=" in line).partition(" && ")[2]
    (tmp_path / ".env").write_text("OLLAMA_MODELS=a:1 touch executed\n")
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'{write}\n{read}\necho "API_KEY=$API_KEY"'],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.fullmatch(r"API_KEY=[0-9a-f]{64}\n", said.stdout)
    kept, key = (tmp_path / ".env").read_text().splitlines()
    assert (kept, key) == ("OLLAMA_MODELS=a:1 touch executed", said.stdout.strip())
    assert not (tmp_path / "executed").exists()


def single(block: str) -> Iterator[str]:
    """The single commands of a shell block, without redirections and what they are piped into."""
    for line in commands(block):
        for command in re.split(r" && ", line):
            yield re.sub(r"\s\d?[<>]{1,2}&? ?\S+|\s\| .*", "", re.sub(r"<(\w[\w -]*)>", r"\1", command))


def check(command: str) -> None:
    """Raises AssertionError for a command that does not exist, or not with these arguments."""
    match shlex.split(command):
        case ["make", *words]:
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            variables = {*re.findall(r"\$\((?:if \$\()?([A-Z]+)\)", (ROOT / "Makefile").read_text())}
            for word in words:
                name, equals, _ = word.partition("=")
                assert name in (variables if equals else targets), command
        case ["python", "-m", "ops" | "rollout" as module, *words]:
            parser = ops._parser() if module == "ops" else rollout._parser()
            with contextlib.suppress(SystemExit):
                parser.parse_args(words)
                return
            raise AssertionError(command)
        case ["python", "-m", "pytest", path, *_]:
            assert (ROOT / path).exists(), command
        case ["pulumi", "config", "set" | "get" | "rm", *words]:
            key = next(word for word in words if not word.startswith("-"))
            assert is_setting(key), command
        case ["pulumi", verb, *_]:
            assert verb in PULUMI, command
        case [program, *_]:
            assert (program.partition("=$(")[2] or program) in OTHERS, command


def is_setting(key: str) -> bool:
    """Whether a path of `pulumi config` is a setting, or a group of some."""
    wanted = re.sub(r"\[\d+\]", "", key).split(".")
    for leaf in leaves():
        known = leaf.key.split(".")
        own = isinstance(leaf.default, dict)  # names of the operator's choice come behind it
        fits = all(have in ("<id>", word) for have, word in zip(known, wanted, strict=False))
        if fits and (own or len(wanted) <= len(known)):
            return True
    return False
