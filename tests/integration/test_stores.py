"""Every store against a server: AWS by moto, Vault by its real KV backend, Doppler after its documentation.

Commands and files are real.
"""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from certificates.self_signed import authority, leaf
from settings.references import Reference, StoreName
from settings.secrets import Secrets
from stores.fetch import Fetched, fetch
from tools.lab.stores import aws, doppler
from tools.lab.stores.vault import server as vault

ODD = {
    "PLAIN": "value",
    "LINES": "first\nsecond\n",
    "QUOTES": "a\"b'c`d$HOME${X}\\n%41 ü€😀 end ",
    "LARGE": "x" * 65536,
    "JSON": '{"a": 1}',
}

HALF = "its value is no Unicode text: it has half a surrogate pair"

HINT = (
    "secret must be an engine of KV version 2; a key stands without secret/ and data/, and secrets.vault.address "
    "without /v1 and /ui"
)


def ask(store: StoreName, *keys: str, **settings: Any) -> Fetched:
    return fetch(Secrets(**settings), [Reference(store, key) for key in keys])


def values(store: StoreName, *keys: str, **settings: Any) -> list[str]:
    found = ask(store, *keys, **settings)
    assert not found.problems, found.problems
    return [found.values[Reference(store, key)].get_secret_value() for key in keys]


def problem(store: StoreName, key: str, **settings: Any) -> tuple[str, bool]:
    """The message, and whether the store could not be asked."""
    found = ask(store, key, **settings)
    assert not found.values
    error = found.problems[Reference(store, key)]
    return str(error), error.no_access


class TestDoppler:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[doppler.DopplerServer]:
        monkeypatch.setenv("DOPPLER_TOKEN", doppler.SERVICE)
        with doppler.running() as server:
            server.secrets |= ODD
            yield server

    def test_all_values_in_one_request(self, server: doppler.DopplerServer) -> None:
        assert values("doppler", *ODD, doppler={"url": server.url}) == list(ODD.values())
        assert server.asked == ["format=json&include_dynamic_secrets=false"]

    def test_a_person_s_token_names_project_and_config(self, server: doppler.DopplerServer) -> None:
        named = {"url": server.url, "token": doppler.PERSONAL, "project": "orca", "config": "prd"}
        assert values("doppler", "PLAIN", doppler=named) == ["value"]
        del named["config"]
        assert problem("doppler", "PLAIN", doppler=named)[0] == (
            "it answers 400: You must specify a project; only a service token needs no secrets.doppler.project and "
            "secrets.doppler.config"
        )

    @pytest.mark.parametrize(
        ("settings", "said", "no_access"),
        [
            ({"token": "x"}, "it does not accept the token (401): Invalid Auth token", True),
            ({"token": doppler.OTHER}, "it does not let the token read this config (403): This token", True),
            ({"config": "dev"}, "it has no such project or config (404): Could not find requested config", False),
        ],
    )
    def test_a_refusal(
        self, server: doppler.DopplerServer, settings: dict[str, str], said: str, no_access: bool
    ) -> None:
        message, denied = problem("doppler", "PLAIN", doppler={"url": server.url, **settings})
        assert message.startswith(said)
        assert denied == no_access

    def test_a_name_that_is_missing(self, server: doppler.DopplerServer) -> None:
        found = ask("doppler", "PLAIN", "NONE", doppler={"url": server.url})
        assert list(found.values) == [Reference("doppler", "PLAIN")]
        assert str(found.problems[Reference("doppler", "NONE")]) == (
            "there is no such secret in the config prd of the project orca"
        )

    def test_one_that_is_no_text_leaves_the_others(self, server: doppler.DopplerServer) -> None:
        server.secrets |= {"RESTRICTED": None, "HALF": "\ud83d"}
        found = ask("doppler", "PLAIN", "RESTRICTED", "HALF", doppler={"url": server.url})
        assert list(found.values) == [Reference("doppler", "PLAIN")]
        said = {reference.key: str(error) for reference, error in found.problems.items()}
        assert said["RESTRICTED"].startswith("its value is null; a token of a person cannot read a restricted secret")
        assert said["HALF"] == HALF

    def test_without_a_token(self, server: doppler.DopplerServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DOPPLER_TOKEN")
        assert problem("doppler", "PLAIN", doppler={"url": server.url}) == (
            "there is no token: set DOPPLER_TOKEN, or secrets.doppler.token as a Pulumi secret",
            True,
        )

    def test_a_token_with_a_line_end(self, server: doppler.DopplerServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOPPLER_TOKEN", f"{doppler.SERVICE}\n")
        assert values("doppler", "PLAIN", doppler={"url": server.url}) == ["value"]

    def test_busy_it_is_asked_again_when_it_says(self, server: doppler.DopplerServer) -> None:
        server.trouble = [(429, "2"), (503, "")]
        begin = time.monotonic()
        assert values("doppler", "PLAIN", doppler={"url": server.url}) == ["value"]
        assert 2.5 <= time.monotonic() - begin < 8
        assert len(server.asked) == 3

    def test_busy_for_longer_than_there_is_time(self, server: doppler.DopplerServer) -> None:
        server.trouble = [(429, "3600")]
        begin = time.monotonic()
        said = "it answers 429, and secrets.timeout leaves no 3600 s to ask again"
        assert problem("doppler", "PLAIN", doppler={"url": server.url}) == (said, True)
        assert time.monotonic() - begin < 2

    def test_cut_off_once(self, server: doppler.DopplerServer) -> None:
        server.trouble = ["cut"]
        assert values("doppler", "PLAIN", doppler={"url": server.url}) == ["value"]

    def test_failing_for_good(self, server: doppler.DopplerServer) -> None:
        server.trouble = ["cut", (500, "0"), (502, "0"), (504, "0")]
        assert problem("doppler", "PLAIN", doppler={"url": server.url}) == ("it answers 504, 4 times in a row", True)

    def test_slow(self, server: doppler.DopplerServer) -> None:
        server.trouble = [4.0]
        begin = time.monotonic()
        message, denied = problem("doppler", "PLAIN", doppler={"url": server.url}, timeout="1s")
        assert "in time" in message
        assert denied
        assert time.monotonic() - begin < 3

    def test_down(self) -> None:
        settings = {"url": "http://127.0.0.1:9", "token": "t"}
        assert "it cannot be reached" in problem("doppler", "PLAIN", doppler=settings, timeout="1s")[0]

    def test_the_server_is_what_doppler_s_own_client_expects(self, server: doppler.DopplerServer) -> None:
        cli = Path(sys.executable).parent / "doppler"
        command = [str(cli), "secrets", "download", "--no-file", "--format", "json", "--api-host", server.url]
        done = subprocess.run(
            [*command, "--no-check-version", "--token", doppler.SERVICE], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout).items() >= ODD.items()
        refused = subprocess.run([*command, "--no-check-version", "--token", "x"], capture_output=True, text=True)
        assert "Invalid Auth token" in refused.stderr


@pytest.fixture(scope="module")
def aws_server() -> Iterator[aws.AwsServer]:
    with aws.running() as server:
        for name, value in ODD.items():
            server.put(f"orca/{name}", value)
        server.put("orca/binary", b"\x00\xff\xfe")
        server.put("orca/fields", json.dumps({"user": "u", "port": 5432}))
        for number in range(40):
            server.put(f"many/{number}", f"value {number}")
        yield server


class TestAws:
    @pytest.fixture
    def settings(self, aws_server: aws.AwsServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        for name, value in aws.CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        return {"aws": {"region": aws.REGION, "endpoint": aws_server.endpoint}}

    def test_values(self, settings: dict[str, Any]) -> None:
        assert values("aws", *(f"orca/{name}" for name in ODD), **settings) == list(ODD.values())

    def test_binary_values_and_fields(self, settings: dict[str, Any]) -> None:
        found = values("aws", "orca/binary", "orca/fields#user", "orca/fields#port", **settings)
        assert found == ["\0\udcff\udcfe", "u", "5432"]

    def test_a_field_that_is_no_text_leaves_the_others(
        self, aws_server: aws.AwsServer, settings: dict[str, Any]
    ) -> None:
        aws_server.put("orca/broken", '{"null": null, "half": "\\ud83d"}')
        found = ask("aws", "orca/broken#null", "orca/broken#half", "orca/PLAIN", **settings)
        assert list(found.values) == [Reference("aws", "orca/PLAIN")]
        said = {reference.key: str(error) for reference, error in found.problems.items()}
        assert said == {"orca/broken#null": "its value is null", "orca/broken#half": HALF}

    def test_more_than_one_request_takes(self, settings: dict[str, Any]) -> None:
        assert values("aws", *(f"many/{number}" for number in range(40)), **settings)[39] == "value 39"

    def test_an_arn(self, aws_server: aws.AwsServer, settings: dict[str, Any]) -> None:
        arn = aws_server.client.describe_secret(SecretId="orca/PLAIN")["ARN"]
        assert values("aws", arn, **settings) == ["value"]

    def test_the_current_version(self, aws_server: aws.AwsServer, settings: dict[str, Any]) -> None:
        aws_server.put("rotated", "old")
        aws_server.put("rotated", "new")
        assert values("aws", "rotated", **settings) == ["new"]

    @pytest.mark.parametrize(
        ("key", "said"),
        [
            ("none", f"there is no secret of that name in the region {aws.REGION}"),
            ("orca/fields#none", "it has no field none"),
            ("orca/PLAIN#user", "it is no JSON object, so it has no fields; write the key without #"),
        ],
    )
    def test_what_is_missing(self, settings: dict[str, Any], key: str, said: str) -> None:
        assert problem("aws", key, **settings) == (said, False)

    def test_without_credentials(self, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        for name in aws.CREDENTIALS:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        assert problem("aws", "orca/PLAIN", **settings) == ("it cannot be asked: Unable to locate credentials", True)

    @pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
    def test_a_line_end_in_a_credential_shows_none(
        self, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "TOP-SECRET\n")
        said = "its request cannot be sent; is a line end in an AWS_ variable?"
        assert problem("aws", "orca/PLAIN", **settings) == (said, True)

    def test_without_a_region(self, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        del settings["aws"]["region"]
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        assert problem("aws", "orca/PLAIN", **settings)[0].startswith("no region is known: set secrets.aws.region, or ")

    @pytest.mark.parametrize(
        ("status", "answer", "said"),
        [
            (
                400,
                {"__type": "AccessDeniedException", "Message": "User: x is not authorized"},
                "it refuses: AccessDeniedException: User: x is not authorized (the identity needs "
                "secretsmanager:BatchGetSecretValue)",
            ),
            (
                400,
                {"__type": "ExpiredTokenException", "Message": "The token is expired"},
                "it refuses: ExpiredTokenException: The token is expired",
            ),
            (
                200,
                {"Errors": [{"SecretId": "a", "ErrorCode": "AccessDeniedException", "Message": "No access to KMS"}]},
                "it refuses: AccessDeniedException: No access to KMS (the identity needs secretsmanager:GetSecretValue "
                "on the secret, and kms:Decrypt on a key of your own)",
            ),
        ],
    )
    def test_a_refusal(self, settings: dict[str, Any], status: int, answer: object, said: str) -> None:
        with listening(status, {"Content-Type": "application/x-amz-json-1.1"}, answer) as (port, _):
            settings["aws"]["endpoint"] = f"http://127.0.0.1:{port}"
            assert problem("aws", "a", **settings) == (said, True)

    def test_down(self, settings: dict[str, Any]) -> None:
        settings["aws"]["endpoint"] = "http://127.0.0.1:9"
        message, denied = problem("aws", "orca/PLAIN", **settings)
        assert "Could not connect to the endpoint URL" in message
        assert denied


@pytest.fixture(scope="module")
def vault_server() -> Iterator[vault.VaultServer]:
    with vault.running() as server:
        server.put("app/odd", ODD)
        server.put("app/kinds", {"number": 5, "flag": True, "inner": {"a": "b"}, "empty": "", "null": None})
        server.put("other", {"a": "b"})
        yield server


class TestVault:
    @pytest.fixture
    def settings(self, vault_server: vault.VaultServer) -> dict[str, Any]:
        return {"vault": {"address": vault_server.address, "token": vault.TOKEN}}

    def test_values(self, settings: dict[str, Any]) -> None:
        assert values("vault", *(f"app/odd#{name}" for name in ODD), **settings) == list(ODD.values())

    def test_what_is_no_text_is_json(self, settings: dict[str, Any]) -> None:
        found = values("vault", "app/kinds#number", "app/kinds#flag", "app/kinds#inner", **settings)
        assert found == ["5", "true", '{"a": "b"}']

    def test_the_newest_version(self, vault_server: vault.VaultServer, settings: dict[str, Any]) -> None:
        vault_server.put("app/rotated", {"a": "old"})
        vault_server.put("app/rotated", {"a": "new"})
        assert values("vault", "app/rotated#a", **settings) == ["new"]
        vault_server.delete("app/rotated")
        said = f"there is nothing at app/rotated in secret, or its newest version is deleted; {HINT}"
        assert problem("vault", "app/rotated#a", **settings) == (said, False)

    def test_a_token_of_the_environment(self, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        del settings["vault"]["token"]
        monkeypatch.setenv("HOME", "/nonexistent")
        assert problem("vault", "app/odd#PLAIN", **settings)[0].startswith("there is no token: set VAULT_TOKEN")
        for written in (vault.LIMITED, f"{vault.LIMITED}\n"):
            monkeypatch.setenv("VAULT_TOKEN", written)
            assert values("vault", "app/odd#PLAIN", **settings) == ["value"]

    def test_a_login_by_app_role(self, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        settings["vault"] |= {"token": None, "appRole": {"roleId": vault.ROLE_ID, "secretId": vault.SECRET_ID}}
        assert values("vault", "app/odd#PLAIN", **settings) == ["value"]
        monkeypatch.setenv("VAULT_TOKEN", "an old one\n")
        assert values("vault", "app/odd#PLAIN", **settings) == ["value"]
        denied = f"its token may not read other in secret, or is no longer valid; {HINT}"
        assert problem("vault", "other#a", **settings) == (denied, True)
        settings["vault"]["appRole"]["secretId"] = "x"
        refused = "it does not accept the login by AppRole (InvalidRequest)"
        assert problem("vault", "app/odd#PLAIN", **settings) == (refused, True)

    @pytest.mark.parametrize(
        ("key", "said"),
        [
            ("none#a", f"there is nothing at none in secret, or its newest version is deleted; {HINT}"),
            (
                "secret/data/app/odd#PLAIN",
                f"there is nothing at secret/data/app/odd in secret, or its newest version is deleted; {HINT}",
            ),
            ("app/odd#none", "it has no field none"),
            ("app/odd", "the key names no field; write it as path#field"),
            ("app/kinds#empty", "its value is empty"),
            ("app/kinds#null", "its value is null"),
        ],
    )
    def test_what_is_missing(self, settings: dict[str, Any], key: str, said: str) -> None:
        assert problem("vault", key, **settings) == (said, False)

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (404, {"errors": []}, f"there is nothing at a in secret, or its newest version is deleted; {HINT}"),
            (200, {"data": {"b": "value"}}, f"its answer is none of KV version 2; {HINT}"),
            (200, "a page", f"its answer is none of KV version 2; {HINT}"),
        ],
    )
    def test_an_engine_of_version_1_or_no_engine(self, status: int, body: object, said: str) -> None:
        with listening(status, {"Content-Type": "application/json"}, body) as (port, _):
            settings = {"address": f"http://127.0.0.1:{port}", "token": "TOKEN"}
            assert problem("vault", "a#b", vault=settings)[0] == said

    def test_busy_it_is_asked_again(self, vault_server: vault.VaultServer, settings: dict[str, Any]) -> None:
        vault_server.trouble(times=2, status=429, after="1")
        begin = time.monotonic()
        assert values("vault", "app/odd#PLAIN", **settings) == ["value"]
        assert time.monotonic() - begin >= 2

    def test_sealed(self, vault_server: vault.VaultServer, settings: dict[str, Any]) -> None:
        vault_server.trouble(times=9, status=503, after="0")
        assert problem("vault", "app/odd#PLAIN", **settings) == ("it answers 503, 4 times in a row", True)
        vault_server.trouble(times=0)

    def test_slow(self, vault_server: vault.VaultServer, settings: dict[str, Any]) -> None:
        vault_server.trouble(times=1, delay="4s")
        message, denied = problem("vault", "app/odd#PLAIN", **settings, timeout="1s")
        assert message == "it did not answer within secrets.timeout (1 s)"
        assert denied
        vault_server.trouble(times=0)


@contextmanager
def listening(
    status: int, headers: dict[str, str], body: object = None, *, host: str = "127.0.0.1", tls: Path | None = None
) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """A server's port, and the headers of each request. All get the same answer. `tls`: a certificate with its key."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(dict(self.headers))
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def private_ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `ca.pem`, and of `server.pem`: a certificate for loopback that the CA has signed, with its key."""
    ca = authority("stores")
    own = leaf(ca, "127.0.0.1")
    (tmp_path / "ca.pem").write_text(ca.certificate)
    (tmp_path / "server.pem").write_text(own.certificate + own.key)
    for name in ("VAULT_CACERT", "VAULT_CAPATH", "VAULT_NAMESPACE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_doppler_behind_a_proxy_with_a_private_ca(private_ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(200, {}, {"A": "value"}, tls=private_ca / "server.pem") as (port, got):
        settings = {"url": f"https://127.0.0.1:{port}", "token": "TOKEN"}
        said = "its certificate is not trusted (for a private CA see docs/secrets.md)"
        assert problem("doppler", "A", doppler=settings, timeout="1s")[0].startswith(said)
        assert not got
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(private_ca / "ca.pem"))
        assert values("doppler", "A", doppler=settings) == ["value"]


class TestVaultByItsOwnVariables:
    """Those that Vault's own command reads."""

    @pytest.fixture
    def settings(self, private_ca: Path) -> Iterator[dict[str, Any]]:
        """A server whose certificate a private CA has signed."""
        answer = {"data": {"data": {"b": "value"}}}
        with listening(200, {}, answer, tls=private_ca / "server.pem") as (port, self.got):
            yield {"vault": {"address": f"https://127.0.0.1:{port}", "token": "TOKEN"}}

    def test_a_private_ca(self, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        said = "its certificate is not trusted"
        assert said in problem("vault", "a#b", timeout="1s", **settings)[0]
        assert not self.got
        monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "ca.pem"))
        assert values("vault", "a#b", **settings) == ["value"]
        monkeypatch.delenv("VAULT_CACERT")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert values("vault", "a#b", **settings) == ["value"]
        monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "none.pem"))
        message, denied = problem("vault", "a#b", **settings)
        assert message.startswith("it cannot be asked: Could not find a suitable TLS CA certificate bundle")
        assert str(tmp_path / "none.pem") in message
        assert denied

    def test_a_folder_of_private_cas(
        self, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "cas").mkdir()
        (tmp_path / "cas" / "ca.pem").write_text((tmp_path / "ca.pem").read_text())
        subprocess.run(["openssl", "rehash", tmp_path / "cas"], check=True)
        monkeypatch.setenv("VAULT_CAPATH", str(tmp_path / "cas"))
        assert values("vault", "a#b", **settings) == ["value"]

    def test_the_namespace(self, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("VAULT_NAMESPACE", "of-the-environment")
        assert values("vault", "a#b", **settings) == ["value"]
        settings["vault"]["namespace"] = "of-the-settings"
        assert values("vault", "a#b", **settings) == ["value"]
        assert [headers["X-Vault-Namespace"] for headers in self.got] == ["of-the-environment", "of-the-settings"]


class TestRedirect:
    """127.0.0.2 stands for another host: the address is not one of loopback's names."""

    @pytest.mark.parametrize(
        "login", [{"token": "TOKEN"}, {"appRole": {"roleId": "r", "secretId": "SECRET-ID"}}], ids=["token", "appRole"]
    )
    def test_a_token_goes_nowhere_in_plain_text(self, login: dict[str, Any]) -> None:
        with (
            listening(200, {}, host="127.0.0.2") as (other, got),
            listening(307, {"Location": f"http://127.0.0.2:{other}/v1/x"}) as (port, _),
        ):
            message, denied = problem("vault", "a#b", vault={"address": f"http://127.0.0.1:{port}", **login})
        assert message.startswith("it redirects to http://127.0.0.2, where a token would cross the network in plain")
        assert denied
        assert not got

    def test_a_standby_of_vault_redirects_to_the_active_server(self) -> None:
        with (
            listening(200, {}, {"data": {"data": {"b": "value"}}}) as (active, got),
            listening(307, {"Location": f"http://127.0.0.1:{active}/v1/secret/data/a"}) as (port, _),
        ):
            settings = {"address": f"http://127.0.0.1:{port}", "token": "TOKEN"}
            assert values("vault", "a#b", vault=settings) == ["value"]
        assert got[0]["X-Vault-Token"] == "TOKEN"

    def test_doppler_too(self) -> None:
        with listening(302, {"Location": "http://127.0.0.2:9/"}) as (port, _):
            settings = {"url": f"http://127.0.0.1:{port}", "token": "TOKEN"}
            assert problem("doppler", "A", doppler=settings)[0].startswith("it redirects to http://127.0.0.2, where")


class TestCommand:
    def test_its_output_is_the_value(self) -> None:
        assert values("command", "printf 'a b'", "echo line", r"printf 'one\n\n'") == ["a b", "line", "one\n"]

    def test_bytes(self) -> None:
        assert values("command", r"printf '\377\n'") == ["\udcff\n"]

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("sh -c 'echo TOP-SECRET; echo TOP-SECRET >&2; exit 3'", "it ended with exit code 3; run it yourself"),
            ("no-such-program x", "no-such-program cannot be run: No such file or directory"),
            ("echo 'open", "it is no command: No closing quotation"),
            ("true", "its value is empty"),
            ("head -c 2000000 /dev/zero", "its value is larger than 1024 KiB"),
        ],
    )
    def test_one_that_fails(self, command: str, said: str) -> None:
        message, _ = problem("command", command)
        assert message.startswith(said)
        assert "TOP-SECRET" not in message

    @pytest.mark.parametrize(
        ("command", "syntax"),
        [
            ("echo a | base64 -d", "|"),
            ("echo a|base64 -d", "|"),
            ("echo $HOME", "$HOME"),
            ("echo ${HOME}", "${HOME"),
            ("echo $(cat x)", "$(cat"),
            ("echo `cat x`", "`"),
            ("true && echo a", "&&"),
            ("cd x; echo a", ";"),
            ("echo a 2>/dev/null", "2>/dev/null"),
            ("cat < x", "<"),
            ("cat ~/x", "~"),
            ("echo 'a' | echo '|'", "|"),
        ],
    )
    def test_one_that_needs_a_shell(self, command: str, syntax: str) -> None:
        said = f"it has {syntax}, which only a shell reads: write sh -c '…', or put it in single quotes"
        assert problem("command", command) == (said, False)

    @pytest.mark.parametrize(
        ("command", "value"),
        [
            ("echo '|' \"&& $(\" ';'", "| && $( ;"),
            (r"echo \| \$HOME \~/x", "| $HOME ~/x"),
            ('sh -c "echo a | tr a b"', "b"),
            ("echo https://x.example/?a=1&b=2", "https://x.example/?a=1&b=2"),
            ("echo a$ 5$ a~b", "a$ 5$ a~b"),
            ("echo 'it'\"'\"'s $5'", "it's $5"),
        ],
    )
    def test_quoted_it_is_a_text(self, command: str, value: str) -> None:
        assert values("command", command) == [value]

    def test_one_that_does_not_end_is_ended(self) -> None:
        begin = time.monotonic()
        message, _ = problem("command", "sh -c 'sleep 30; echo x'", timeout="1s")
        assert message == "it did not end within secrets.timeout"
        assert time.monotonic() - begin < 3


class TestFile:
    def test_its_content_is_the_value(self, tmp_path: Path) -> None:
        written = {b"a\n": "a", b"a\r\n": "a", b"a\n\n": "a\n", b"\xff\n": "\udcff\n", b" a": " a"}
        for content, value in written.items():
            (tmp_path / "f").write_bytes(content)
            assert values("file", str(tmp_path / "f")) == [value]

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        assert problem("file", str(tmp_path / "none")) == ("there is no such file", True)
        assert problem("file", str(tmp_path)) == ("it cannot be read: Is a directory", True)
        assert problem("file", "~no-such-user/key")[0] == "it cannot be read: Could not determine home directory."


def test_stores_are_asked_at_the_same_time() -> None:
    """Four slow commands and a slow server cost what the slowest one costs."""
    with doppler.running() as server:
        server.secrets["A"] = "a"
        server.trouble = [2.0]
        wanted = [Reference("doppler", "A"), *(Reference("command", f"sh -c 'sleep 2; echo {n}'") for n in range(4))]
        begin = time.monotonic()
        found = fetch(Secrets(doppler={"url": server.url, "token": doppler.SERVICE}), wanted)
        assert time.monotonic() - begin < 4
    assert len(found.values) == 5
