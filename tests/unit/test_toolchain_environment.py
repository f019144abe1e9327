"""The variables that the setup adds to the user's environment, and which of the two wins."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.toolchain import docker_cli, environment, problems, provider_plugins, venv
from tools.toolchain.environment import Installed

ROOT = Path(__file__).parent.parent.parent
BUILT = Installed((Path("/c/stand-ins/1/bin"), Path("/c/venv/2/bin")), Path("/c/stand-ins/1/plugins"))
OFFICIAL = Installed((Path("/opt/pulumi"), Path("/c/venv/2/bin")), None)


@pytest.fixture(autouse=True)
def _homes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCA_CACHE", "/c")
    monkeypatch.setenv("ORCA_STATE", "/s")


def additions(user: dict[str, str] | None = None, found: Installed = BUILT) -> dict[str, str]:
    return environment.variables({"PATH": "/usr/bin", "DOCKER_HOST": "unix:///d.sock"} | (user or {}), found)


def test_everything_is_set_for_a_user_who_has_set_nothing() -> None:
    assert additions() == {
        "PATH": "/c/stand-ins/1/bin:/c/venv/2/bin:/usr/bin",
        "PULUMI_BACKEND_URL": "file:///s/pulumi?metadata=skip",
        "PULUMI_HOME": "/s/pulumi-home",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/s/passphrase",
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def test_official_plugins_need_no_home_of_ours_and_may_be_fetched() -> None:
    assert not {"PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"} & additions(found=OFFICIAL).keys()


@pytest.mark.parametrize(
    ("users", "left_alone"),
    [
        ({"PULUMI_BACKEND_URL": "s3://states"}, "PULUMI_BACKEND_URL"),
        ({"PULUMI_ACCESS_TOKEN": "pul-1"}, "PULUMI_BACKEND_URL"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/mine"}, "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ({"PULUMI_HOME": "/mine"}, "PULUMI_HOME"),
        ({"PULUMI_SKIP_UPDATE_CHECK": "false"}, "PULUMI_SKIP_UPDATE_CHECK"),
    ],
)
def test_what_the_user_has_set_wins(users: dict[str, str], left_alone: str) -> None:
    assert left_alone not in additions(users)


def test_stand_ins_are_found_on_the_path_where_the_user_has_a_pulumi_home() -> None:
    assert (
        additions({"PULUMI_HOME": "/mine"})["PATH"]
        == "/c/stand-ins/1/bin:/c/venv/2/bin:/c/stand-ins/1/plugins:/usr/bin"
    )


def test_a_second_time_in_the_same_shell_changes_nothing() -> None:
    first = additions()
    second = additions(first)
    assert second == {"PATH": first["PATH"]}


def test_a_proxy_gets_the_exceptions_that_pulumi_needs() -> None:
    user = {"https_proxy": "http://proxy:3128", "no_proxy": ".example.com"}
    assert additions(user)["no_proxy"] == ".example.com,localhost,127.0.0.1,::1"
    assert additions(user | additions(user)).keys() == {"PATH"}


def test_directories_of_an_older_setup_leave_the_path() -> None:
    assert additions({"PATH": "/c/stand-ins/0/bin:/usr/bin"})["PATH"] == "/c/stand-ins/1/bin:/c/venv/2/bin:/usr/bin"


def test_the_home_that_the_setup_has_set_is_not_taken_for_the_users() -> None:
    assert provider_plugins.users_home({"PULUMI_HOME": "/s/pulumi-home"}) == Path.home() / ".pulumi"
    assert provider_plugins.users_home({"PULUMI_HOME": "/mine"}) == Path("/mine")


def test_a_rollback_does_not_wait_for_what_finds_pulumi() -> None:
    program = (
        "import sys; from tools.toolchain import commands; commands.environment.venv.python(); print(*sys.modules)"
    )
    # Isolated: what a machine's own Python loads on its start does not count.
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"]
    loaded = subprocess.check_output(command, text=True).split()
    assert "tools.toolchain.venv" in loaded
    assert not {"urllib.request", "concurrent.futures", "secrets", "logging"} & set(loaded)
    assert not {name for name in loaded if name.startswith("tools.toolchain.pulumi")}


def test_a_command_without_pulumi_finds_python_and_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venv, "is_ready", lambda: True)
    monkeypatch.setattr(docker_cli, "host_to_set", lambda _: "unix:///d.sock")
    python = str(venv.python().parent)
    assert environment.python_alone({"PATH": "/c/venv/0/bin:/usr/bin"}) == {
        "PATH": f"{python}:/usr/bin",
        "DOCKER_HOST": "unix:///d.sock",
    }
    assert environment.python_alone({"PATH": "/usr/bin", "DOCKER_HOST": "x"}) == {"PATH": f"{python}:/usr/bin"}


def test_a_command_without_pulumi_needs_the_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venv, "is_ready", lambda: False)
    with pytest.raises(problems.Problem, match="not set up for this checkout"):
        environment.python_alone({})


def test_exports_survive_a_shell() -> None:
    value = "a b'c\"d$HOME;`x`\n"
    script = environment.exports({"VALUE": value}) + 'printf %s "$VALUE"'
    assert subprocess.check_output(["sh", "-c", script], text=True) == value


def test_the_passphrase_is_made_once_and_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORCA_STATE", str(tmp_path))
    environment.prepare_state()
    passphrase = (tmp_path / "passphrase").read_text()
    environment.prepare_state()
    assert (tmp_path / "passphrase").read_text() == passphrase
    assert len(passphrase) >= 32
    assert (tmp_path / "passphrase").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["passphrase", "pulumi"]
