"""`Pulumi.<stack>.yaml` by both ways to the settings: what Pulumi hands over, and what is read without it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from components.settings import as_written
from components.stack_file import read, read_stack
from settings import Settings, SettingsError, load
from settings.api_secret import ApiSecret
from settings.references import Reference
from settings.scalars import Sealed, Unclear
from settings.schema import secret_places

BASE = "profile: development\nOLLAMA_VERSION: local\nOLLAMA_MODELS: [a:1]\nIMAGE_TAG: x"
HANDED = {"profile": "development", "OLLAMA_VERSION": "local", "OLLAMA_MODELS": '["a:1"]', "IMAGE_TAG": "x"}
# What is written without quotes, what Pulumi 3.259 hands over for it under a key, and inside of an object.
RECORDED: list[tuple[str, str, Any]] = [
    ("0123", "83", 83),
    ("0", "0", 0),
    ("-0", "0", 0),
    ("1_000", "1000", 1000),
    ("0x1F", "31", 31),
    ("0o17", "15", 15),
    ("0b11", "3", 3),
    ("08", "8", 8),
    ("1.10", "1.1", 1.1),
    ("0.35", "0.35", 0.35),
    (".5", "0.5", 0.5),
    ("5.", "5", 5),
    ("1e3", "1000", 1000),
    ("1e400", "1e400", "1e400"),
    ("12345678901234567890", "12345678901234567890", 12345678901234567000),
    ("1:30", "1:30", "1:30"),
    ("2026-11-27", "2026-11-27 00:00:00 +0000 UTC", "2026-11-27 00:00:00 +0000 UTC"),
    ("2026-1-2", "2026-01-02 00:00:00 +0000 UTC", "2026-01-02 00:00:00 +0000 UTC"),
    ("2026-13-45", "2026-13-45", "2026-13-45"),
    ("2026-11-27T10:00:00Z", "2026-11-27 10:00:00 +0000 UTC", "2026-11-27 10:00:00 +0000 UTC"),
    ("on", "on", "on"),
    ("off", "off", "off"),
    ("yes", "yes", "yes"),
    ("no", "no", "no"),
    ("y", "y", "y"),
    ("true", "true", True),
    ("True", "true", True),
    ("TRUE", "true", True),
    ("null", "", None),
    ("~", "", None),
    ("", "", None),
    ("+5", "5", 5),
    ("-.5", "-0.5", -0.5),
    ("1.0", "1", 1),
    ("1e21", "1e+21", 1e21),
    ("20261127", "20261127", 20261127),
    ("1,000", "1,000", "1,000"),
    ("0b12", "0b12", "0b12"),
    ("._5", "._5", "._5"),
    ('"0123"', "0123", "0123"),
    ("'true'", "true", "true"),
    ("smollm2:135m", "smollm2:135m", "smollm2:135m"),
]


def stack(folder: Path, config: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: orca\n")
    lines = config.splitlines()
    (folder / "Pulumi.x.yaml").write_text("config:\n" + "".join(f"  {line}\n" for line in lines))
    return folder


def outcome(values: dict[str, Any]) -> Settings | str:
    try:
        return load("x", values)
    except SettingsError as error:
        return str(error)


def test_a_value_under_a_key_is_what_pulumi_hands_over(tmp_path: Path) -> None:
    found = read("x", stack(tmp_path, "\n".join(f"k{n}: {row[0]}" for n, row in enumerate(RECORDED))))
    for (written, handed, _), value in zip(RECORDED, found.values(), strict=True):
        assert value.written == written if isinstance(value, Unclear) else value == handed, written


@pytest.mark.parametrize("place", ["api.env.X", "rollout.gatePasses", "rollout.errorRatio", "api.egress", "api.smoke"])
def test_both_ways_give_the_same_settings(tmp_path: Path, place: str) -> None:
    group, *keys = place.split(".")
    for written, _, handed in RECORDED:
        text, value = f" {written}", handed
        for depth, key in reversed(list(enumerate(keys, 1))):
            text, value = f"\n{'  ' * depth}{key}:{text}", {key: value}
        filed = read("x", stack(tmp_path, f"{BASE}\norca:{group}:{text}"))
        by_pulumi = as_written(HANDED | {group: json.dumps(value)}, set(), filed)
        assert outcome(by_pulumi) == outcome(filed), written


@pytest.mark.parametrize("key", ["IMAGE_TAG", "OLLAMA_VERSION", "OLLAMA_NUM_PARALLEL", "OLLAMA_MODELS", "dockerHost"])
def test_both_ways_give_the_same_variables(tmp_path: Path, key: str) -> None:
    base = "\n".join(line for line in BASE.splitlines() if not line.startswith(f"{key}:"))
    for written, handed, _ in RECORDED:
        filed = read("x", stack(tmp_path, f"{base}\n{key}: {written}"))
        assert outcome(as_written(HANDED | {key: handed}, set(), filed)) == outcome(filed), written


@pytest.mark.parametrize(
    ("written", "text"), [("5", "5"), ("true", "true"), ("0.5", "0.5"), ('"0123"', "0123"), ("off", "off"), ('""', "")]
)
def test_what_a_text_is_made_of(tmp_path: Path, written: str, text: str) -> None:
    assert read_stack("x", stack(tmp_path, f"{BASE}\napi: {{env: {{X: {written}}}}}")).api.env == {"X": text}


@pytest.mark.parametrize("written", ["0123", "1.10", "2026-11-27", "1e3", "True", "0x10"])
def test_a_text_that_pulumi_would_change_is_refused(tmp_path: Path, written: str) -> None:
    config = BASE.replace("IMAGE_TAG: x", f"IMAGE_TAG: {written}") + f"\napi: {{env: {{X: {written}}}}}"
    message = outcome(read("x", stack(tmp_path, config)))
    assert f"IMAGE_TAG: {written} without quotes is read as" in str(message)
    assert f"api.env.X: {written} without quotes is read as" in str(message)
    assert f'write it in quotes: "{written}"' in str(message)


def test_a_key_may_stand_without_the_project(tmp_path: Path) -> None:
    assert read("x", stack(tmp_path, "a: 1\norca:b: 2\nother:c: 3")) == {"a": "1", "b": "2"}


def test_anchors_and_merges(tmp_path: Path) -> None:
    found = read("x", stack(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a"))
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a: {b: 1, b: 2}", "[1]", "\x00"])
def test_what_is_no_stack_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"Pulumi\.x\.yaml"):
        read("x", stack(tmp_path, text))


class TestSecrets:
    CIPHER = "{secure: v1:abc}"

    @pytest.mark.parametrize(
        ("key", "config", "handed"),
        [
            ("IMAGE_TAG", CIPHER, "s"),
            ("api", f"{{env: {{A: b, X: {CIPHER}}}}}", {"env": {"A": "b", "X": "s"}}),
            ("edge", f"{{hostname: {CIPHER}}}", {"hostname": "s"}),
            ("edge", f"{{trustedProxies: [{CIPHER}]}}", {"trustedProxies": ["s"]}),
            ("edge", f"{{httpPort: {CIPHER}, tls: {{key: {CIPHER}}}}}", {"httpPort": "1", "tls": {"key": "s"}}),
            ("OLLAMA_MODELS", f"[{CIPHER}]", ["s"]),
            ("OLLAMA_MODELS", CIPHER, "s"),
            ("network", f"{{cidr: {CIPHER}}}", {"cidr": "s"}),
            ("ollama", f"{{cpus: {CIPHER}}}", {"cpus": "2"}),
            ("rollout", CIPHER, "{}"),
            ("api", f"{{smoke: {CIPHER}}}", {"smoke": "off"}),
        ],
    )
    def test_one_in_plain_text_is_refused_alike(self, tmp_path: Path, key: str, config: str, handed: Any) -> None:
        base = "\n".join(line for line in BASE.splitlines() if not line.startswith(f"{key}:"))
        filed = read("x", stack(tmp_path, f"{base}\n{key}: {config}"))
        value = handed if isinstance(handed, str) else json.dumps(handed)
        message = outcome(as_written(HANDED | {key: value}, {key}, filed))
        assert message == outcome(filed)
        assert isinstance(message, str)
        assert f"\n  {key}" in message
        assert ": is a secret, and would be in plain text" in message
        if "api.env." in message:
            assert "Move it to api.secrets.X (docs/secrets.md)" in message
        else:
            assert f"Only {', '.join(secret_places())} take a secret" in message

    def test_one_in_its_place(self, tmp_path: Path) -> None:
        filed = read("x", stack(tmp_path, f"{BASE}\nrollout: {{previewKey: {self.CIPHER}, gatePasses: 1}}"))
        assert isinstance(filed["rollout"]["previewKey"], Sealed)
        without = load("x", filed)
        assert without.rollout.preview_key is None
        handed = HANDED | {"rollout": json.dumps({"previewKey": "k" * 24, "gatePasses": 1})}
        found = load("x", as_written(handed, {"rollout"}, filed))
        assert found.rollout.preview_key == SecretStr("k" * 24)
        assert found.rollout.gate_passes == without.rollout.gate_passes == 1

    @pytest.mark.parametrize(
        ("rollout", "accepted"),
        [({"previewKey": "k" * 24}, True), ({"watch": "1s"}, False), ({"previewKey": None, "watch": "1s"}, False)],
    )
    def test_of_another_file_the_key_must_have_a_value_where_a_secret_may_be(
        self, rollout: dict[str, Any], accepted: bool
    ) -> None:
        for filed in ({}, {"rollout": {"watch": Sealed()}}, {"rollout": {"previewKey": Sealed(), "promote": "auto"}}):
            if filed.get("rollout", {}).keys() == rollout.keys():
                continue
            found = outcome(as_written(HANDED | {"rollout": json.dumps(rollout)}, {"rollout"}, filed))
            assert isinstance(found, Settings) == accepted

    @pytest.mark.parametrize(
        ("config", "handed"),
        [
            ("{secrets: {A: plain}}", {"secrets": {"A": "plain"}}),
            (f"{{secrets: {{A: plain, B: {CIPHER}}}}}", {"secrets": {"A": "plain", "B": "s"}}),
            (
                '{secrets: {A: plain, B: \'{"from": "file", "key": "f"}\'}}',
                {"secrets": {"A": "plain", "B": '{"from": "file", "key": "f"}'}},
            ),
            ('{secrets: \'{"A": "plain"}\'}', {"secrets": '{"A": "plain"}'}),
            ("{secrets: {A: 0123}}", {"secrets": {"A": 83}}),
        ],
    )
    def test_a_plain_text_is_refused_alike(self, tmp_path: Path, config: str, handed: Any) -> None:
        filed = read("x", stack(tmp_path, f"{BASE}\nsecrets: {{releaseKey: {self.CIPHER}}}\napi: {config}"))
        secret = {"secrets"} | ({"api"} if self.CIPHER in config else set())
        values = HANDED | {"secrets": json.dumps({"releaseKey": "k" * 32}), "api": json.dumps(handed)}
        message = outcome(as_written(values, secret, filed))
        assert message == outcome(filed)
        assert "\n  api.secrets.A: is in plain text. Run" in str(message)
        assert "api.secrets.B" not in str(message)

    def test_of_another_file_what_is_in_the_place_of_a_secret_is_one(self) -> None:
        secrets = {
            "A": "s",
            "B": '{"from": "file", "key": "f"}',
            "C": {"from": "file", "key": "f"},
            "D": '{"a": 1}',
        }
        handed: dict[str, Any] = {"secrets": secrets, "env": {"JSON": '{"a": 1}'}, "paths": '["/v1/"]'}
        values = HANDED | {"secrets": json.dumps({"releaseKey": "k" * 32}), "api": json.dumps(handed)}
        found = load("x", as_written(values, {"secrets", "api"}, {}))
        assert found.api.secrets["A"].value == SecretStr("s")
        assert found.api.secrets["D"].value == SecretStr('{"a": 1}')
        assert (found.api.env, found.api.paths) == ({"JSON": '{"a": 1}'}, ("/v1/",))
        assert found.api.secrets["B"] == found.api.secrets["C"] == ApiSecret(value=Reference("file", "f"))
        as_text = values | {"api": json.dumps(handed | {"secrets": json.dumps(secrets)})}
        assert load("x", as_written(as_text, {"secrets", "api"}, {})) == found
        assert "api.secrets.A: is in plain text" in str(outcome(as_written(values, {"secrets"}, {})))

    def test_a_short_preview_key_is_refused_and_not_shown(self) -> None:
        message = outcome(HANDED | {"rollout": {"previewKey": "tooshort"}})
        assert "rollout.previewKey: is too short" in str(message)
        assert "tooshort" not in str(message)
