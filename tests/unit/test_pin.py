"""Which images `pin` asks for, and where it writes a digest."""

import pytest

from components.stack_file import read_stack
from ops.pin import images, known, with_digest

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def test_it_asks_for_every_image_of_a_registry() -> None:
    found = images(read_stack("prod"))
    assert [image.partition("@")[0] for image in found.values()] == ["ollama/ollama:0.35.1", "nginx:1.31.9-alpine"]
    assert images(read_stack("dev")) == {}


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
