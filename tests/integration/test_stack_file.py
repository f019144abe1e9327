"""One stack file, read by a program that Pulumi runs and by a command that runs without Pulumi: the same settings."""

import re
import shutil
from pathlib import Path

import pytest

from components.stack_file import read_stack
from settings import SettingsError
from tools.lab.project import Project

PROGRAM = """
from pathlib import Path
import pulumi
from components.settings import stack_settings

try:
    said = stack_settings().model_dump_json()
except pulumi.RunError as error:
    said = str(error)
Path("seen").write_text(said)
"""
BASE = """
config:
  orca-agents:profile: development
  orca-agents:OLLAMA_MODELS: [a:1]
"""
CLEAR = """
  OLLAMA_VERSION: 0.35
  orca-agents:IMAGE_TAG: 20261127
  orca-agents:OLLAMA_NUM_PARALLEL: "2"
  orca-agents:OLLAMA_MAX_LOADED_MODELS: 0x4
  orca-agents:dockerHost:
  orca-agents:ollama:
    cpus: 2.50
    contextLength: 1_024
    pids: 0o1000
  orca-agents:edge:
    rateLimit: off
    concurrency:
      server: "5"
    httpPort: "8080"
    httpsPort: +8443
    methods: '["GET"]'
    requestHeaders:
    tls:
      certificate:
  orca-agents:rollout: '{"errorRatio": 0.1, "promote": "manual"}'
  orca-agents:api:
    smoke: no
    replicas: 2.0
    memory: '512M'
    cpus: 1e0
    env: &env {INT: 5, BOOL: true, FLOAT: 0.5, ON: on, TIME: 1:30, COLON: 12:30:45, QUOTED: "0123", TEXT: 1e400, N: n}
  orca-agents:images:
"""
UNCLEAR = """
  orca-agents:OLLAMA_VERSION: 1.10
  orca-agents:IMAGE_TAG: 0123
  orca-agents:dockerHost: 2026-11-27
  orca-agents:api:
    image: 1e3
    port: true
    env:
      OCTAL: 0123
      FLOAT: 0.50
      DATE: 2026-11-27
      DATETIME: 2026-11-27 10:00:00
      TIME: 2026-11-27T10:00:00Z
      SHORT: 2026-1-2
      HEX: 0x1F
      GROUPED: 1_000
      BOOL: True
      TRUE: x
      POINT: .5
      EXPONENT: 1e3
      WHOLE: 1.0
      PLUS: +5
      LARGE: 12345678901234567890123
      NONE:
      TILDE: ~
      JSON: [1]
  orca-agents:edge:
    apiKeys:
      1.0: {keys: [0b101]}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("file"), "sf", {})
    (made.folder / "__main__.py").write_text(PROGRAM)
    made.run("pulumi", "stack", "init", "sf", "--non-interactive")
    return made


def write(project: Project, config: str) -> None:
    """Replace the configuration. The salt stays: without one, Pulumi writes the whole file anew, in its spelling."""
    salt = re.search(r"^encryptionsalt: .*$", project.file.read_text(), re.MULTILINE)
    assert salt
    project.file.write_text(f"{salt[0]}\n{BASE}{config}")


def by_pulumi(project: Project, *words: str) -> str:
    """The settings that the program sees, or the message that refuses them."""
    project.pulumi("preview", *words)
    return (project.folder / "seen").read_text()


def by_file(project: Project) -> str:
    try:
        return read_stack("sf", project.folder).model_dump_json()
    except SettingsError as error:
        return str(error)


@pytest.mark.parametrize("config", [CLEAR, UNCLEAR], ids=["clear", "unclear"])
def test_numbers_booleans_dates_and_nothing(project: Project, config: str) -> None:
    write(project, config)
    found = by_pulumi(project)
    assert found == by_file(project)
    if config == CLEAR:
        assert '"env":{"INT":"5","BOOL":"true","FLOAT":"0.5","ON":"on","TIME":"1:30"' in found
        assert '"image_tag":"20261127"' in found
    else:
        assert 'IMAGE_TAG: 0123 without quotes is read as "83"' in found
        for key in re.findall(r"^      ([A-Z]+):", UNCLEAR, re.MULTILINE):
            assert f"\n  api.env.{key if key != 'TRUE' else 'true'}: " in found


def test_a_secret_where_it_would_be_in_plain_text(project: Project, tmp_path: Path) -> None:
    write(project, '  orca-agents:OLLAMA_VERSION: "1"\n')
    for key in ("IMAGE_TAG", "api.env.TOKEN", "edge.trustedProxies[0]", "edge.tls.acme.email"):
        project.pulumi("config", "set", "--secret", "--path", key, "5")
    found = by_pulumi(project)
    assert found == by_file(project)
    for key in ("IMAGE_TAG", "api.env.TOKEN", "edge.trustedProxies.0", "edge.tls.acme.email"):
        assert f"\n  {key}: is a secret, and would be in plain text" in found
    # Of a file that the program does not know, only the keys at the top are known.
    other = shutil.copy(project.file, tmp_path / "other.yaml")
    write(project, "")
    found = by_pulumi(project, "--config-file", str(other))
    for key in ("IMAGE_TAG", "api", "edge"):
        assert f"\n  {key}: is a secret, and would be in plain text" in found


def test_a_plain_text_in_the_place_of_a_secret(project: Project) -> None:
    write(project, '  orca-agents:OLLAMA_VERSION: "1"\n  orca-agents:IMAGE_TAG: "1"\n')
    for key in ("api.secrets.SEALED", "secrets.releaseKey"):
        project.pulumi("config", "set", "--secret", "--path", key, "0123456789abcdef" * 2)
    project.pulumi("config", "set", "--plaintext", "--path", "api.secrets.PLAIN", "op://prod/x")
    found = by_pulumi(project)
    assert found == by_file(project)
    assert "\n  api.secrets.PLAIN: is in plain text. Run `pulumi config set --secret" in found
    assert "api.secrets.SEALED" not in found


def test_a_secret_in_its_place(project: Project, tmp_path: Path) -> None:
    write(project, '  orca-agents:OLLAMA_VERSION: "1"\n  orca-agents:IMAGE_TAG: "1"\n')
    for key in ("rollout.previewKey", "edge.apiKeys.app.keys[0]", "edge.tls.certificate", "edge.tls.key"):
        project.pulumi("config", "set", "--secret", "--path", key, "0123456789abcdef" * 2)
    assert '"preview_key":null' in by_file(project)
    for words in ([], ["--config-file", str(tmp_path / "other.yaml")]):
        if words:
            shutil.copy(project.file, words[1])
            write(project, "")
        found = by_pulumi(project, *words)
        assert '"preview_key":"**********"' in found
        assert '"keys":["**********"]' in found
