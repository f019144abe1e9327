"""What a setup says when the registries cannot be reached: with the real clients, which are sent to a closed port."""

import io
from pathlib import Path

import pytest

from tools.toolchain import cache, problems, pulumi_built, venv
from tools.toolchain.progress import Progress

# Discard; nothing listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def progress() -> Progress:
    return Progress(io.StringIO())


def test_no_python_packages(homes: Path, monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_FIND_LINKS", str(homes))
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(problems.Problem, match="python packages: cannot reach the Python package index"):
        venv.ensure(progress.step("python packages"), dev=False)
    assert not venv.is_ready()


def test_no_go_modules(homes: Path, monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    monkeypatch.setenv("GOPROXY", NOWHERE)
    monkeypatch.setenv("GOMODCACHE", str(homes / "modules"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    with pytest.raises(problems.Problem, match="pulumi CLI: cannot reach the Go module proxy"):
        pulumi_built.build(progress.step("pulumi CLI"))
    entry = pulumi_built.location()
    assert entry is not None
    assert not cache.is_complete(entry)


def test_no_go(homes: Path, monkeypatch: pytest.MonkeyPatch, progress: Progress) -> None:
    monkeypatch.setenv("PATH", str(homes))
    with pytest.raises(problems.Problem, match="pulumi CLI: Go is missing"):
        pulumi_built.build(progress.step("pulumi CLI"))
