"""How the language host starts programs and reports on them."""

import json

import pytest
from pulumi.runtime.proto import language_pb2

from tools.standins.language_host import interpreter, program


def request(**fields: object) -> language_pb2.RunRequest:
    info = language_pb2.ProgramInfo(root_directory="/p", program_directory="/p", entry_point=".")
    return language_pb2.RunRequest(info=info, project="tiny", stack="dev", **fields)  # type: ignore[arg-type]


def test_the_executor_gets_all_that_the_engine_says() -> None:
    asked = request(pwd="/p", monitor_address="m:1", organization="o", dryRun=True, parallel=16, args=["--x"])
    assert program.arguments(asked, "/bin/exec", "e:2", "") == [
        *("/bin/exec", "--monitor", "m:1", "--engine", "e:2", "--project", "tiny", "--root_directory", "/p"),
        *("--stack", "dev", "--pwd", "/p", "--dry_run", "true", "--parallel", "16", "--organization", "o", ".", "--x"),
    ]


def test_configuration_goes_by_environment() -> None:
    asked = request(config={"tiny:token": "t", "tiny:size": "8G"}, configSecretKeys=["tiny:token"])
    given = program.configuration(asked)
    assert json.loads(given["PULUMI_CONFIG"]) == {"tiny:token": "t", "tiny:size": "8G"}
    assert json.loads(given["PULUMI_CONFIG_SECRET_KEYS"]) == ["tiny:token"]


@pytest.mark.parametrize(
    ("code", "error", "bail"),
    [
        (0, "", False),
        (32, "", True),
        (7, "program exited with non-zero exit code: 7", False),
        (-9, "program was ended by signal 9", False),
    ],
)
def test_exit_codes(code: int, error: str, bail: bool) -> None:
    answer = program.outcome(code)
    assert (answer.error, answer.bail) == (error, bail)


@pytest.mark.parametrize("options", [{"toolchain": "poetry"}, {"typechecker": "mypy"}, {"virtualenv": 3}])
def test_options_that_are_not_supported_are_refused(options: dict[str, str | float]) -> None:
    info = language_pb2.ProgramInfo(root_directory="/p", program_directory="/p", entry_point=".")
    info.options.update(options)
    with pytest.raises(interpreter.UnusableProgram):
        interpreter.for_program(info)


def test_a_virtual_environment_is_relative_to_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    info = language_pb2.ProgramInfo(root_directory="/p", program_directory="/p/sub", entry_point=".")
    info.options.update({"virtualenv": "venv"})
    found = interpreter.for_program(info)
    assert found.executable == "/p/venv/bin/python"
    assert found.environment["VIRTUAL_ENV"] == "/p/venv"
    assert found.environment["PATH"] == "/p/venv/bin:/usr/bin"
    assert "PYTHONHOME" not in found.environment
