"""Which images `pin` asks for, and where it writes a digest."""

import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from components.stack_file import read_stack
from ops.pin import images, known, pin, with_digest
from settings import SettingsError
from tools.lab.project import ROOT

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def test_it_asks_for_every_image_of_a_registry() -> None:
    found = images(read_stack("prod"))
    assert [image.partition("@")[0] for image in found.values()] == ["ollama/ollama:0.35.1", "nginx:1.31.9-alpine"]
    assert images(read_stack("dev")) == {}


def test_a_tag_without_digest_is_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a production stack, which nothing else reads until then."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    file = tmp_path / "Pulumi.prod.yaml"
    bare = re.sub("@sha256:[0-9a-f]{64}", "", (ROOT / "Pulumi.prod.yaml").read_text())
    file.write_text(bare)
    with pytest.raises(SettingsError, match="has no digest"):
        read_stack("prod", tmp_path)
    monkeypatch.setattr("ops.pin.ROOT", tmp_path)
    monkeypatch.setattr("ops.pin.read_stack", partial(read_stack, folder=tmp_path))
    monkeypatch.setattr("ops.pin.connect", lambda _: None)
    monkeypatch.setattr("ops.pin._digest", lambda *_: NEW)
    pin("prod", move=False)
    assert read_stack("prod", tmp_path).ollama_version == f"0.35.1@{NEW}"
    file.write_text(bare.replace("nginx:1.31.9-alpine", "nginx:latest"))
    with pytest.raises(SettingsError, match="can change under the same name"):
        pin("prod", move=False)


def test_it_asks_for_the_images_that_this_version_knows_where_they_run() -> None:
    found = known(read_stack("prod"))
    assert sorted(image.partition(":")[0] for image in found) == [
        "ghcr.io/google/cadvisor",
        "otel/opentelemetry-collector-contrib",
        "prom/alertmanager",
        "prom/blackbox-exporter",
        "prom/prometheus",
        "victoriametrics/victoria-logs",
    ]
    assert all("@sha256:" in image for image in found)
    assert known(read_stack("dev")) == {}


@pytest.mark.parametrize(
    ("text", "written", "wanted"),
    [
        ("OLLAMA_VERSION: 0.35.1\n", "0.35.1", f"OLLAMA_VERSION: 0.35.1@{NEW}\n"),
        ("OLLAMA_VERSION: '0.35'\n", "0.35", f"OLLAMA_VERSION: '0.35@{NEW}'\n"),
        (f"nginx: nginx:1.31@{OLD} # old", f"nginx:1.31@{OLD}", f"nginx: nginx:1.31@{NEW} # old"),
        ("other: 10.35.1\nOLLAMA_VERSION: 0.35.1", "0.35.1", f"other: 10.35.1\nOLLAMA_VERSION: 0.35.1@{NEW}"),
        ("nginx: my/nginx:1.31\nlego: nginx:1.31", "nginx:1.31", f"nginx: my/nginx:1.31\nlego: nginx:1.31@{NEW}"),
    ],
)
def test_it_writes_behind_the_tag_alone(text: str, written: str, wanted: str) -> None:
    assert with_digest(text, written, NEW) == wanted
