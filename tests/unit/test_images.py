"""The images: their names, what is built with which arguments, and the models that the mirror publishes."""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

import images
from tools.toolchain import base_image, problems
from tools.toolchain import images as builder

sys.path.append(str(images.FOLDER / "model-mirror"))
import publish
import tiny

MIRROR = images.FOLDER / "model-mirror"
TINY = "tiny-random:latest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small image folder below a root that has every other image too."""
    for name in (*images.NAMES, images.BASE):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"# {name}\n")
    (tmp_path / "nginx" / "conf").mkdir()
    (tmp_path / "nginx" / "conf" / "a").write_text("a")
    return tmp_path / "nginx"


def test_reference_is_a_name_with_twelve_digits() -> None:
    for name in images.NAMES:
        assert re.fullmatch(rf"orca-agents/{name}:[0-9a-f]{{12}}", images.reference(name))


def test_unknown_image_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="no image 'redis'"):
        images.reference("redis")


def test_content_name_and_executable_bit_change_the_digest(folder: Path) -> None:
    digests = {images.tree_digest(folder)}
    file = folder / "conf" / "a"
    file.write_text("b")
    digests.add(images.tree_digest(folder))
    file.chmod(0o755)
    digests.add(images.tree_digest(folder))
    file.rename(folder / "conf" / "b")
    digests.add(images.tree_digest(folder))
    file.with_name("b").rename(folder / "b")
    digests.add(images.tree_digest(folder))
    assert len(digests) == 5


def test_border_between_files_counts(folder: Path) -> None:
    (folder / "conf" / "b").write_text("xy")
    before = images.tree_digest(folder)
    (folder / "conf" / "a").write_text("ax")
    (folder / "conf" / "b").write_text("y")
    assert images.tree_digest(folder) != before


def test_order_of_creation_times_and_other_modes_do_not_count(folder: Path, tmp_path: Path) -> None:
    (folder / "conf" / "b").write_text("b")
    other = tmp_path / "elsewhere"
    (other / "conf").mkdir(parents=True)
    for name in ("conf/b", "conf/a", "Dockerfile"):
        shutil.copyfile(folder / name, other / name)
        (other / name).chmod(0o600)
    assert images.tree_digest(other) == images.tree_digest(folder)


@pytest.mark.parametrize("leftover", sorted(images.LEFTOVERS))
def test_leftovers_of_tools_do_not_count(folder: Path, leftover: str) -> None:
    before = images.tree_digest(folder)
    (folder / "conf" / leftover).mkdir()
    (folder / "conf" / leftover / "a.pyc").write_bytes(b"\0")
    assert images.tree_digest(folder) == before


@pytest.mark.parametrize(
    ("changed", "renamed"),
    [
        ("nginx", {"nginx", "model-mirror", "ollama"}),
        ("api", {"api"}),
        ("model-mirror", {"model-mirror", "ollama"}),
        ("ollama", {"ollama"}),
        (images.BASE, {*images.NAMES, images.BASE}),
    ],
)
def test_change_renames_an_image_and_what_is_built_on_it(folder: Path, changed: str, renamed: set[str]) -> None:
    root = folder.parent
    before = {name: images.digest(name, root) for name in (*images.NAMES, images.BASE)}
    (root / changed / "Dockerfile").write_text("# other\n")
    assert {name for name, digest in before.items() if images.digest(name, root) != digest} == renamed


def test_image_comes_after_what_it_is_built_on() -> None:
    for name, parents in images.PARENTS.items():
        assert all(images.NAMES.index(parent) < images.NAMES.index(name) for parent in parents)


@pytest.mark.parametrize("name", images.NAMES)
def test_dockerfile_keeps_the_house_rules(name: str) -> None:
    dockerfile = (images.FOLDER / name / "Dockerfile").read_text()
    lines = dockerfile.splitlines()
    first = next(line for line in lines if not line.startswith("#"))
    assert first == f"ARG DEBIAN={base_image.published()}"
    assert "@sha256:" in first
    final = dockerfile[dockerfile.rindex("\nFROM ") :]
    for instruction in ("HEALTHCHECK ", "LABEL ", "STOPSIGNAL ", "CMD ["):
        assert f"\n{instruction}" in final
    assert "ca-certificates.crt" not in final
    assert not re.search(r"--mount=|--secret", dockerfile)
    user = re.search(r"^USER (\d+):\d+$", final, re.MULTILINE)
    assert (user is None) == (name == "ollama")
    assert user is None or int(user[1]) > 0


def test_ollama_has_one_version() -> None:
    required = re.search(r"ollama/ollama v(\S+)", (images.FOLDER / "ollama" / "go.mod").read_text(), re.MULTILINE)
    named = re.search(r"^ARG VERSION=(\S+)$", (images.FOLDER / "ollama" / "Dockerfile").read_text(), re.MULTILINE)
    assert required is not None
    assert named is not None
    assert required[1] == named[1]


def test_build_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in builder.PASSED_ON:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GOPROXY", "https://go.example")
    assert builder.build_arguments("model-mirror", "debian:x") == [
        *("--build-arg", "DEBIAN=debian:x"),
        *("--build-arg", f"NGINX={images.reference('nginx')}"),
        *("--build-arg", "GOPROXY"),
    ]


def test_unknown_image_is_a_problem_and_not_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(problems.Problem, match="no image redis"):
        builder.ensure(["redis"])
    assert builder.main(["redis"]) == 1
    assert "no image redis" in capsys.readouterr().err


def test_certificates_are_pem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "-----BEGIN CERTIFICATE-----" in builder.certificates()
    own = tmp_path / "own.pem"
    own.write_text("own")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert builder.certificates() == "own"


def test_tiny_model_is_the_one_in_the_list() -> None:
    model = publish.load((MIRROR / "models.toml").read_text())[TINY]
    assert hashlib.sha256(tiny.gguf()).hexdigest() == model.gguf_sha256


def test_published_files_hold_together(tmp_path: Path) -> None:
    model = publish.load((MIRROR / "models.toml").read_text())[TINY]
    (tmp_path / model.gguf).write_bytes(tiny.gguf())
    digest = publish.publish(TINY, model, tmp_path, tmp_path / "root")

    place = tmp_path / "root" / "v2" / "library" / "tiny-random"
    written = (place / "manifests" / "latest").read_bytes()
    assert hashlib.sha256(written).hexdigest() == digest == model.manifest_sha256
    manifest = json.loads(written)
    # Ollama stores what it parsed and wrote again: only this very form keeps its digest.
    assert written == json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode()
    assert list(manifest) == ["schemaVersion", "mediaType", "config", "layers"]
    kinds = [layer["mediaType"].removeprefix("application/vnd.ollama.image.") for layer in manifest["layers"]]
    assert kinds == ["model", "template", "params"]
    blobs = {blob.name: blob.read_bytes() for blob in (place / "blobs").iterdir()}
    assert set(blobs) == {blob["digest"] for blob in (manifest["config"], *manifest["layers"])}
    for blob in (manifest["config"], *manifest["layers"]):
        content = blobs[blob["digest"]]
        assert blob["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert blob["size"] == len(content)


def test_other_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = publish.load((MIRROR / "models.toml").read_text())[TINY]
    (tmp_path / model.gguf).write_bytes(tiny.gguf() + b"\0")
    with pytest.raises(publish.Mismatch, match=model.gguf_sha256):
        publish.publish(TINY, model, tmp_path, tmp_path / "root")
    assert not (tmp_path / "root").exists()
    assert publish.main(MIRROR / "models.toml", tmp_path, tmp_path / "root") == 1
    assert capsys.readouterr().err.startswith("publish: ")


def test_readme_documents_the_digests() -> None:
    readme = (MIRROR / "README.md").read_text()
    for name, model in publish.load((MIRROR / "models.toml").read_text()).items():
        assert re.search(rf"^\| `{re.escape(name)}` .*`sha256:{model.manifest_sha256}` \|$", readme, re.MULTILINE)
