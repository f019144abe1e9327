"""The language host under the real CLI, with a tiny program."""

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.toolchain.conftest import Project, alive
from tools.lab.wait import eventually
from tools.toolchain import pins


def test_a_program_gets_configuration_secrets_and_environment(project: Project) -> None:
    project.pulumi("config", "set", "size", "8G")
    project.pulumi("config", "set", "--secret", "token", "hidden")
    code, output = project.up("")
    assert code == 0, output
    assert "the program speaks" in output
    assert "hidden" not in output
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets")[1])
    assert outputs == {"size": "8G", "token": "hidden", "variable": "seen"}
    shown = json.loads(project.pulumi("stack", "output", "--json")[1])
    assert shown["token"] == "[secret]"


def test_a_preview_refresh_and_destroy_run(project: Project) -> None:
    assert project.up("")[0] == 0
    assert project.pulumi("preview", "--expect-no-changes")[0] == 0
    assert project.pulumi("refresh", "--yes", "--run-program")[0] == 0
    assert project.pulumi("destroy", "--yes")[0] == 0


def test_a_users_error_is_one_line(project: Project) -> None:
    code, output = project.up("refuse")
    assert code != 0
    assert "error: memory: 8X is no size" in output
    assert "Traceback" not in output


def test_an_exception_shows_the_users_frames_and_is_reported_once(project: Project) -> None:
    code, output = project.up("crash")
    assert code != 0
    assert output.count("ValueError: boom") == 1
    assert "__main__.py" in output
    assert "pulumi-language-python-exec" not in output
    assert "non-zero exit code" not in output


def test_an_exit_code_is_reported(project: Project) -> None:
    code, output = project.up("exit")
    assert code != 0
    assert "program exited with non-zero exit code: 7" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_program_ends_with_its_engine(project: Project, number: signal.Signals) -> None:
    project.pulumi("config", "set", "mode", "hang")
    engine = project.start("up", "--yes", "--skip-preview")
    note = project.folder / "pid"
    eventually(lambda: note.exists() and bool(note.read_text()), 30, "the program runs")
    program = int(note.read_text())
    host = _parent(program)
    assert alive(program)
    engine.send_signal(number)
    eventually(lambda: not alive(program) and not alive(host), 15, "the program and its host have ended")
    engine.communicate(timeout=15)
    assert engine.returncode != 0


def test_about_says_what_this_is_and_which_plugins_are_needed(project: Project) -> None:
    code, output = project.pulumi("about", "--json")
    assert code == 0, output
    about = json.loads(output[output.index("{") :])
    assert about["runtime"]["languageHost"].startswith("stand-in")
    plugins = {plugin["name"]: plugin["version"] for plugin in about["plugins"]}
    assert plugins["docker"] == pins.pinned("pulumi-docker")
    assert plugins["command"] == pins.pinned("pulumi-command")
    assert "pulumi_docker" in {package["name"] for package in about["dependencies"]}


def test_a_missing_virtual_environment_is_named_and_installed(project: Project) -> None:
    (project.folder / "Pulumi.yaml").write_text("name: tiny\nruntime: {name: python, options: {virtualenv: own}}\n")
    code, output = project.up("")
    assert code != 0
    assert f"names {project.folder / 'own'}, which is no virtual environment; run `pulumi install`" in output
    (project.folder / "requirements.txt").write_text("# nothing\n")
    code, output = project.pulumi("install")
    assert code == 0, output
    assert (project.folder / "own" / "bin" / "python").exists()
    code, output = project.up("")
    assert code != 0
    assert "the Pulumi SDK has not been installed" in output


def _parent(pid: int) -> int:
    assert sys.platform == "linux"
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
