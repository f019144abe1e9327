"""The pinned versions agree with each other, and versions are compared as versions."""

import ast
import re

import pytest

from tools.toolchain import paths, pins, pulumi_built, pulumi_cli, pulumi_official

REQUIREMENTS = ("requirements", "requirements-dev")


def read(name: str) -> str:
    return (paths.CHECKOUT / name).read_text(encoding="utf-8")


def test_pins_reads_names_as_package_indexes_do() -> None:
    text = "# a==1\nPulumi_Docker==5.2.0 \\\n    --hash=sha256:00\nx[extra]==1.2\n"
    assert pins.pins(text) == {"pulumi-docker": "5.2.0", "x": "1.2"}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_everything_required_is_locked_in_the_same_version(name: str) -> None:
    assert pins.pins(read(f"{name}.txt")).items() <= pins.pins(read(f"{name}.lock")).items()


def test_both_lock_files_agree() -> None:
    program, development = pins.pins(read("requirements.lock")), pins.pins(read("requirements-dev.lock"))
    shared = program.keys() & development.keys()
    assert {name: program[name] for name in shared} == {name: development[name] for name in shared}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_locked_package_has_hashes_and_no_index_is_named(name: str) -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", read(f"{name}.lock"), flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    assert not re.search(
        r"^\s*(-i|--index-url|--extra-index-url|--find-links|-f)\b", read(f"{name}.lock"), re.MULTILINE
    )


def test_the_cli_is_built_from_the_version_of_the_sdk() -> None:
    go_mod = read("tools/toolchain/pulumi/go.mod")
    for module in ("pkg", "sdk"):
        found = re.search(rf"github.com/pulumi/pulumi/{module}/v3 v(\S+)", go_mod)
        assert found is not None
        assert found[1] == pins.pinned("pulumi")


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("3.259.0", True),
        ("3.260.1", True),
        ("3.258.9", False),
        ("4.0.0", False),
        ("3.1000.0-alpha.1", True),
        ("dev", False),
    ],
)
def test_new_enough(version: str, enough: bool) -> None:
    assert pulumi_cli.is_new_enough(version, "3.259.0") is enough


@pytest.mark.parametrize(
    ("go", "setting", "can"),
    [
        ("1.25.11", "local", True),
        ("1.26", "local", True),
        ("1.25.2", "local", False),
        ("1.21.0", "auto", True),
        ("1.20.14", "auto", False),
    ],
)
def test_go_can_build(go: str, setting: str, can: bool) -> None:
    assert pulumi_built.can_build(go, "1.25.11", setting) is can


def test_the_checksum_of_an_archive_is_found_by_its_whole_name() -> None:
    listing = "aa  pulumi-v3.259.0-linux-x64.tar.gz\nbb  *pulumi-v3.259.0-linux-arm64.tar.gz\n"
    assert pulumi_official.checksum(listing, "pulumi-v3.259.0-linux-x64.tar.gz") == "aa"
    assert pulumi_official.checksum(listing, "pulumi-v3.259.0-linux-arm64.tar.gz") == "bb"
    assert pulumi_official.checksum(listing, "linux-x64.tar.gz") is None


def test_an_old_python_can_read_the_file_that_tells_it_so() -> None:
    ast.parse(read("tools/toolchain/__main__.py"), feature_version=(3, 6))
