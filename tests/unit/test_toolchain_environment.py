"""The variables that the setup adds to the user's environment, and which of the two wins."""

import subprocess
from pathlib import Path

import pytest

from tools.toolchain import environment, provider_plugins
from tools.toolchain.environment import Installed

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


def test_directories_of_an_older_setup_leave_the_path() -> None:
    assert additions({"PATH": "/c/stand-ins/0/bin:/usr/bin"})["PATH"] == "/c/stand-ins/1/bin:/c/venv/2/bin:/usr/bin"


def test_the_home_that_the_setup_has_set_is_not_taken_for_the_users() -> None:
    assert provider_plugins.users_home({"PULUMI_HOME": "/s/pulumi-home"}) == Path.home() / ".pulumi"
    assert provider_plugins.users_home({"PULUMI_HOME": "/mine"}) == Path("/mine")


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
