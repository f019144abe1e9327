"""Secrets in the settings, in the id of a release, and in what a container gets."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from render import nginx
from render.keys import keys
from settings import Settings, SettingsError, load
from settings.references import Reference, references
from workloads import api
from workloads.release import keyed
from workloads.stack import stack

DEV: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "IMAGE_TAG": "local",
    "OLLAMA_MODELS": ["a:1"],
}
KEY = "0123456789abcdef" * 2
FILE, ENV = {"from": "file", "key": "f"}, {"from": "command", "key": "c", "as": "env"}
KEYED: dict[str, Any] = {"secrets": {"releaseKey": SecretStr(KEY)}}


def refused(**values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load("dev", {**DEV, **values})
    return str(caught.value)


def settings(fetched: dict[Reference, str] | None = None, **values: Any) -> Settings:
    found = None if fetched is None else {reference: SecretStr(value) for reference, value in fetched.items()}
    return load("dev", {**DEV, **values}, found)


def with_values(file: str = "F", env: str = "E", key: str = KEY, **secrets: Any) -> Settings:
    """A stack with the secrets A, a file, and B, a variable."""
    return settings(
        {Reference("file", "f"): file, Reference("command", "c"): env},
        api={"secrets": {"A": FILE, "B": ENV, **secrets}},
        secrets={"releaseKey": SecretStr(key)},
    )


class TestSettings:
    def test_where_references_stand(self) -> None:
        found = settings(
            api={"secrets": {"A": FILE, "B": json.dumps(ENV), "C": SecretStr("own-value")}},
            edge={
                "apiKeys": {"app": {"keys": [SecretStr(KEY), {"from": "vault", "key": "p#f"}]}},
                "tls": {"certificate": "PEM", "key": {"from": "aws", "key": "tls"}},
            },
            rollout={"previewKey": {"from": "doppler", "key": "P"}},
            secrets={"releaseKey": SecretStr(KEY), "vault": {"address": "https://v:8200"}},
        )
        assert {key: reference.store for key, reference in references(found)} == {
            "api.secrets.A": "file",
            "api.secrets.B": "command",
            "edge.apiKeys.app.keys.1": "vault",
            "edge.tls.key": "aws",
            "rollout.previewKey": "doppler",
        }
        assert "own-value" not in repr(found)

    def test_a_fetched_value_is_checked_as_one_that_stands_there(self) -> None:
        values = {"edge": {"apiKeys": {"app": {"keys": [FILE]}}}}
        with pytest.raises(SettingsError, match=r"edge.apiKeys.app.keys.0: is no key") as caught:
            settings({Reference("file", "f"): "TOO-WEAK"}, **values)
        assert "TOO-WEAK" not in str(caught.value)
        with pytest.raises(SettingsError, match=r"edge.apiKeys.app.keys.0: is not UTF-8"):
            settings({Reference("file", "f"): "\udcff" * 40}, **values)

    @pytest.mark.parametrize(
        ("secret", "said"),
        [
            ({"from": "vaul", "key": "x"}, "api.secrets.A: from names no store; it is one of doppler, aws"),
            ({"from": "file"}, "api.secrets.A: key must be the value's name in file"),
            ({"from": "file", "key": "x", "az": "env"}, "api.secrets.A: az is unknown here"),
            ({"from": "file", "key": "x", "as": "envs"}, "api.secrets.A: as is neither file nor env"),
            (SecretStr(""), "api.secrets.A: is empty"),
            (None, "api.secrets.A: has no value"),
            (["x"], "api.secrets.A: is neither a secret nor {from: <store>, key: <name>}"),
            ({"from": "pulumi", "key": "x"}, "api.secrets.A: there is no secrets.pulumi.x; run `pulumi config set"),
            ({"from": "vault", "key": "x#y"}, "secrets.vault.address: is required for `from: vault`"),
        ],
    )
    def test_a_secret_that_cannot_be(self, secret: Any, said: str) -> None:
        assert f"\n  {said}" in refused(api={"secrets": {"A": secret}}, **KEYED)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"api": {"secrets": {"A": FILE}}}, "secrets.releaseKey: api.secrets needs it"),
            (KEYED, "secrets.releaseKey: has no effect without api.secrets"),
            (
                {"secrets": {"pulumi": {"x": SecretStr("v")}}},
                "secrets.pulumi: has no effect, because no secret says `from: pulumi`. If one should, its reference "
                "may be encrypted (`secure:` in the file): set the reference again with --plaintext, without --secret.",
            ),
            (
                {"api": {"secrets": {"A": FILE}}},
                "secrets.releaseKey: api.secrets needs it, for it keys the ids of releases; run `pulumi config set "
                "--secret --stack dev --path secrets.releaseKey $(openssl rand -hex 32)`",
            ),
            ({"secrets": {"aws": {"region": "x"}}}, "secrets.aws: has no effect, because no secret says `from: aws`"),
            (
                {"secrets": {"onPreview": "placeholder"}},
                "secrets.onPreview: has no effect, because no secret comes from",
            ),
            ({"secrets": {"doppler": {"url": "http://doppler.example"}}}, "secrets.doppler.url"),
            ({"secrets": {"releaseKey": SecretStr("short")}}, "secrets.releaseKey: is too short"),
            ({"api": {"env": {"X": SecretStr("s")}}}, "api.env.X: is a secret, and would be in plain text"),
        ],
    )
    def test_what_is_wrong_around_it(self, values: dict[str, Any], said: str) -> None:
        assert f"\n  {said}" in refused(**values)

    @pytest.mark.parametrize("value", ["CANARY", "op://CANARY/x", "{CANARY", 5, True, ""])
    def test_one_in_plain_text_is_refused_and_not_shown(self, value: Any) -> None:
        for whole in ({"A": value}, json.dumps({"A": value})):
            said = refused(api={"secrets": whole}, **KEYED)
            assert (
                "\n  api.secrets.A: is in plain text. Run "
                "`pulumi config set --secret --path api.secrets.A --stack dev`, or "
                "write {from: <store>, key: <name>} (docs/secrets.md)\n"
            ) in said
            assert "CANARY" not in said

    @pytest.mark.parametrize(
        ("key", "path"),
        [
            ("edge.apiKeys.a-b.keys", "'edge.apiKeys.a-b.keys[0]'"),
            ("edge.tls.key", "edge.tls.key"),
            ("rollout.previewKey", "rollout.previewKey"),
            ("secrets.releaseKey", "secrets.releaseKey"),
            ("secrets.doppler.token", "secrets.doppler.token"),
            ("secrets.vault.token", "secrets.vault.token"),
            ("secrets.vault.appRole.secretId", "secrets.vault.appRole.secretId"),
            ("secrets.pulumi.x", "secrets.pulumi.x"),
            ("secrets.pulumi", """'secrets.pulumi["a.b"]'"""),
        ],
    )
    def test_production_has_none_in_plain_text(self, key: str, path: str) -> None:
        place = path.strip("'").replace("[0]", ".0").replace('["a.b"]', ".a.b")
        value: Any = [KEY] if key.endswith(".keys") else {"a.b": KEY} if key == "secrets.pulumi" else KEY
        for part in reversed(key.split(".")):
            value = {part: value}
        with pytest.raises(SettingsError) as caught:
            load("prod", {"OLLAMA_MODELS": ["a:1"], **value})
        assert (f"\n  {place}: is in plain text. Run `pulumi config set --secret --path {path} --stack prod`") in str(
            caught.value
        )
        login = key.startswith("secrets.") and key != "secrets.releaseKey"
        assert ("or write {from: <store>, key: <name>}" in str(caught.value)) != login
        assert KEY not in str(caught.value)
        with pytest.raises(SettingsError) as caught:
            load("prod", {"profile": "development", "OLLAMA_MODELS": ["a:1"], **value})
        assert "is in plain text" not in str(caught.value)

    def test_a_certificate_is_public(self) -> None:
        for certificate in ("PEM", "-----BEGIN CERTIFICATE-----\nx\n", SecretStr("PEM"), {"from": "file", "key": "f"}):
            with pytest.raises(SettingsError) as caught:
                load("prod", {"edge": {"tls": {"certificate": certificate, "key": SecretStr("KEY")}}})
            assert "edge.tls" not in str(caught.value)

    @pytest.mark.parametrize("place", ["api.secrets.A", "rollout.previewKey", "secrets.pulumi.A"])
    def test_a_reference_that_is_encrypted_is_found(self, place: str) -> None:
        value: Any = SecretStr(json.dumps({"from": "pulumi", "key": "CANARY", "as": "env"}))
        for part in reversed(place.split(".")):
            value = {part: value}
        said = refused(**value)
        assert f"\n  {place}: is a reference that is stored as a secret; set it again with --plaintext" in said
        assert "CANARY" not in said

    def test_a_secret_that_is_json_is_a_value(self) -> None:
        for text in ('{"from": "a@example.com", "key": "x"}', '{"a": 1}', "[1]", "{"):
            found = settings(api={"secrets": {"A": SecretStr(text)}}, **KEYED).api.secrets["A"].value
            assert found == SecretStr(text)

    def test_a_secret_in_the_environment_is_told_its_place(self) -> None:
        assert "Move it to api.secrets.X (docs/secrets.md)" in refused(api={"env": {"X": SecretStr("s")}})

    @pytest.mark.parametrize(
        ("given", "env", "variable"),
        [
            ({"A": FILE}, {"A_FILE": "x"}, "A_FILE"),
            ({"A": FILE}, {"A": "x"}, "A"),
            ({"A": ENV}, {"A": "x"}, "A"),
            ({"A": FILE, "A_FILE": ENV}, {}, "A_FILE"),
            ({"ORCA_RELEASE": ENV}, {}, "ORCA_RELEASE"),
        ],
    )
    def test_a_variable_that_is_set_twice(self, given: Any, env: Any, variable: str) -> None:
        said = refused(api={"secrets": given, "env": env}, **KEYED)
        assert "rename one of them" in said
        assert variable in said


class TestRelease:
    def test_a_stack_without_secrets_has_the_id_that_it_had(self) -> None:
        """Recorded before there were secrets: an update of the program is no release."""
        images = {"OLLAMA_VERSION": "1", "IMAGE_TAG": "1"}
        assert api.current_release(load("x", {**DEV, **images})) == "de6fdf81ebbf"

    def test_a_rotated_value_is_a_new_release(self) -> None:
        release = api.current_release(with_values())
        assert api.current_release(with_values()) == release
        others = [
            with_values(file="F2"),
            with_values(env="E2"),
            with_values(key=KEY[::-1]),
            with_values(C=FILE),
            settings(api={"secrets": {"A": FILE, "B": ENV}}, **KEYED),
        ]
        assert len({release, *(api.current_release(other) for other in others)}) == 6

    def test_a_value_that_moves_between_names_is_a_new_release(self) -> None:
        assert keyed(KEY, {"A": "1", "B": "2"}) != keyed(KEY, {"A": "2", "B": "1"})
        assert keyed(KEY, {"A": "1"}) != keyed(KEY[::-1], {"A": "1"})

    def test_the_volume_is_named_by_the_files_alone(self) -> None:
        def volume(found: Settings) -> str:
            return api.colour_workloads(found, "green")[0].mounts[0].volume.name

        name = volume(with_values())
        assert name.startswith("dev-api-secrets-")
        assert volume(with_values(env="E2")) == name
        assert volume(with_values(file="F2")) != name

    def test_the_edge_is_not_touched(self) -> None:
        def edge(found: Settings) -> tuple[str, object]:
            return nginx.render(found).id, stack(found).edge

        assert edge(with_values()) == edge(with_values(file="F2", env="E2"))


class TestContainer:
    def test_files_and_variables(self) -> None:
        (blue,) = api.colour_workloads(with_values(), "blue")
        assert blue.env["A_FILE"] == "/run/secrets/A"
        assert "B" not in blue.env
        assert set(blue.secret_env) == {"B"}
        assert [(mount.path, mount.read_only) for mount in blue.mounts] == [("/run/secrets", True)]
        assert [(found.mode, set(found.secrets), found.contents) for found in blue.files] == [("0440", {"A"}, {})]
        assert blue.groups == ("0",)

    def test_without_files_there_is_no_volume(self) -> None:
        found = settings({Reference("command", "c"): "E"}, api={"secrets": {"B": ENV}}, **KEYED)
        (blue,) = api.colour_workloads(found, "blue")
        assert (blue.mounts, blue.files, blue.groups) == ((), (), ())

    def test_no_text_of_a_workload_shows_a_value(self) -> None:
        for workload in stack(with_values(file="CANARY-F", env="CANARY-E")).workloads:
            assert "CANARY" not in repr(workload)

    def test_a_key_that_is_not_fetched_opens_nothing(self) -> None:
        found = settings(edge={"apiKeys": {"app": {"keys": [FILE]}}})
        assert keys(found.edge.api_keys).digests == ()
        assert keys(found.edge.api_keys).required
