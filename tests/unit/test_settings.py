"""Settings: what is accepted, what is refused, and in which words."""

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from components.stack_file import read_stack
from settings import Settings, SettingsError, load
from settings.schema import Leaf, leaves
from tools.lab.project import overlaid
from workloads.images import PUBLISHED

DEV: dict[str, Any] = {
    "profile": "development",
    "OLLAMA_VERSION": "local",
    "IMAGE_TAG": "local",
    "OLLAMA_MODELS": ["smollm2:135m"],
}
DIGEST = "sha256:" + "ab" * 32


def refused(stack: str = "dev", **values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(stack, {**DEV, **values})
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"api": {"smoke": {"timeout": "0s"}}}, "api.smoke.timeout"),
        ({"rollout": {"gateTimeout": "0s"}}, "rollout.gateTimeout"),
    ],
)
def test_no_time_at_all_is_no_time_to_wait(values: dict[str, Any], key: str) -> None:
    assert f"{key}: " in refused(**values)


def test_the_specification_s_defaults() -> None:
    settings = load("dev", DEV)
    assert settings.ollama_memory_limit == 8 * 1024**3
    assert settings.ollama_memory_reservation == 4 * 1024**3
    assert (settings.ollama_max_loaded_models, settings.ollama_num_parallel) == (3, 1)


def test_values_arrive_as_pulumi_hands_them_over() -> None:
    settings = load(
        "dev",
        {
            **DEV,
            "OLLAMA_MODELS": '["a:1", "b:2"]',
            "OLLAMA_MAX_LOADED_MODELS": "2",
            "edge": '{"httpsPort": 8443, "readTimeout": "1m30s", "bodyLimit": "512K"}'.replace("512K", "16M"),
            "ollama": '{"cpus": 2}',
        },
    )
    assert settings.ollama_models == ("a:1", "b:2")
    assert settings.ollama_max_loaded_models == 2
    assert (settings.edge.https_port, settings.edge.read_timeout, settings.edge.body_limit) == (8443, 90, 16 * 1024**2)
    assert settings.ollama.cpus == Decimal(2)


@pytest.mark.parametrize("text", ["a:1,b:2", "a:1 b:2", " a:1,  b:2, "])
def test_models_may_be_written_as_one_text(text: str) -> None:
    assert load("dev", {**DEV, "OLLAMA_MODELS": text}).ollama_models == ("a:1", "b:2")


def test_every_error_is_reported_at_once_by_key() -> None:
    message = refused(
        OLLAMA_MEMORY_LIMIT="8Q",
        OLLAMA_MODELS=["no-tag"],
        apii={},
        edge={"httpsPort": "https", "hostName": "x"},
        rollout={"watch": "soon"},
    )
    lines = message.splitlines()
    assert lines[0] == 'The configuration of stack "dev" has 6 errors; nothing was changed.'
    assert {line.split(":")[0].strip() for line in lines[1:-1]} == {
        "OLLAMA_MEMORY_LIMIT",
        "OLLAMA_MODELS.0",
        "apii",
        "edge.httpsPort",
        "edge.hostName",
        "rollout.watch",
    }
    assert "Pulumi.dev.yaml" in lines[-1]


@pytest.mark.parametrize(
    ("key", "meant"), [("apii", "api"), ("OLLAMA_MODEL", "OLLAMA_MODELS"), ("dockerhost", "dockerHost")]
)
def test_an_unknown_key_is_told_what_was_meant(key: str, meant: str) -> None:
    assert f'{key}: unknown key, did you mean "{meant}"?' in refused(**{key: "x"})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"edge": {"http_port": 8080}}, 'edge.http_port: unknown key, did you mean "httpPort"?'),
        ({"docker_host": "x"}, 'docker_host: unknown key, did you mean "dockerHost"?'),
        ({"api": {"smoke": {"time_out": 1}}}, 'api.smoke.time_out: unknown key, did you mean "timeout"?'),
        ({"edge": {"api_keys": {"secure": "v1:x"}}}, 'edge.api_keys: unknown key, did you mean "apiKeys"?'),
    ],
)
def test_an_unknown_key_is_shown_as_it_is_written(values: dict[str, Any], said: str) -> None:
    assert f"\n  {said}\n" in refused(**values)


@pytest.mark.parametrize("model", ["llama3", "a b:1", "../x:1", ":tag", "x:1@sha256:12", "-x:1", "http://x:1"])
def test_a_model_that_cannot_be(model: str) -> None:
    assert "cannot be a model" in refused(OLLAMA_MODELS=[model])


@pytest.mark.parametrize("model", ["llama3.1:8b", "user/m:latest", "host.example:5000/ns/m:1", f"a:1@{DIGEST}"])
def test_a_model_that_can(model: str) -> None:
    assert load("dev", {**DEV, "OLLAMA_MODELS": [model]}).ollama_models == (model,)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("llama3", "it has no tag; write llama3:<tag>"),
        ("host.example:5000/ns/m", "it has no tag; write host.example:5000/ns/m:<tag>"),
        (f"m@{DIGEST}", "it has no tag; write m:<tag>"),
        ("host.example/a/b/m:1", "it has a path of more than one part. Ollama asks a registry at the root of its host"),
        ("host.example/m:1", "Ollama needs a namespace; write host/namespace/name:tag"),
        ("a b", "write name:tag"),
    ],
)
def test_why_a_model_cannot_be(model: str, why: str) -> None:
    assert why in refused(OLLAMA_MODELS=[model])


ARTIFACTORY = "repo.example.com/artifactory/ollama-remote/library/llama3.1:8b"
"""A name with a path, which Ollama's own grammar (types/model/name.go) has no place for."""


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("llama3.1:8b", "registry.ollama.ai library llama3.1 8b"),
        ("library/llama3.1:8b", "registry.ollama.ai library llama3.1 8b"),
        ("some-body/m_1.2:latest", "registry.ollama.ai some-body m_1.2 latest"),
        ("registry.ollama.ai/library/m:1", "registry.ollama.ai library m 1"),
        ("hf.co/Some-One/M-3.2-1B-GGUF:Q4_K_M", "hf.co Some-One M-3.2-1B-GGUF Q4_K_M"),
        ("huggingface.co/Some-One/M-GGUF:Q8_0", "huggingface.co Some-One M-GGUF Q8_0"),
        ("registry.example.com/team/m:1", "registry.example.com team m 1"),
        ("registry.example.com:5000/team/m:1", "registry.example.com:5000 team m 1"),
        ("registry:5000/team/m:1", "registry:5000 team m 1"),
        ("my_registry:5000/team/m:1", "my_registry:5000 team m 1"),
        ("registry/team/m:1", "registry team m 1"),
        ("10.0.0.7:5000/team/m:1", "10.0.0.7:5000 team m 1"),
        # Artifactory, by repository path: the repository's key stands where the namespace does
        ("repo.example.com/ollama-local/llama3.1:8b", "repo.example.com ollama-local llama3.1 8b"),
        # and by its subdomain
        ("ollama-remote.repo.example.com/library/llama3.1:8b", "ollama-remote.repo.example.com library llama3.1 8b"),
        (f"{'n' * 80}:{'t' * 80}", f"registry.ollama.ai library {'n' * 80} {'t' * 80}"),
    ],
)
def test_every_form_of_a_name(model: str, parts: str) -> None:
    for written in (model, f"{model}@{DIGEST}"):
        (found,) = load("dev", {**DEV, "OLLAMA_MODELS": [written]}).ollama_models
        assert [found.host, found.namespace, found.name, found.tag] == parts.split()
        assert found.reference == model
        assert found.shown == model.removeprefix("registry.ollama.ai/").removeprefix("library/")
        assert found.manifest == parts.replace(" ", "/")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (ARTIFACTORY, "or a port of its own (Artifactory: subdomain or port method; Nexus: a connector;"),
        (ARTIFACTORY, "and write <that host>/library/llama3.1:8b"),
        ("ghcr.io/org/team/m:1", "and write <that host>/team/m:1"),
        ("hf.co/Some-One/M-GGUF/m.Q4_K_M.gguf:1", "write hf.co/Some-One/M-GGUF:<quantization>"),
        ("https://hf.co/Some-One/M-GGUF:Q4_K_M", "it has a protocol. Write it without"),
        ("registry:5000/m:1", "Ollama needs a namespace; write host/namespace/name:tag"),
        ("registry.example.com/my.team/m:1", "my.team is a namespace, and Ollama takes no dot in one"),
        (f"hf.co/u/{'n' * 81}:1", "has 81 characters, and Ollama takes 80"),
        ("[::1]:5000/team/m:1", "write name:tag"),
        ("registry.example.com//m:1", "write name:tag"),
        ("registry.example.com/team/:1", "write name:tag"),
    ],
)
def test_what_ollama_cannot_express_is_refused_with_what_to_write(model: str, why: str) -> None:
    message = refused(OLLAMA_MODELS=[model])
    assert f'OLLAMA_MODELS.0: "{model}" cannot be a model' in message
    assert why in message


@pytest.mark.parametrize("models", [[], "", "[]"])
def test_no_model_at_all(models: Any) -> None:
    assert "OLLAMA_MODELS: names no model" in refused(OLLAMA_MODELS=models)


def test_a_model_named_twice() -> None:
    assert "OLLAMA_MODELS names a:1 twice" in refused(OLLAMA_MODELS=["a:1", f"a:1@{DIGEST}"])


@pytest.mark.parametrize("size", ["8Q", "", "-1G", "8.5G", "8 G", "1023K", "0M", "8M"])
def test_a_size_that_cannot_be_parsed(size: str) -> None:
    assert "OLLAMA_MEMORY_LIMIT" in refused(OLLAMA_MEMORY_LIMIT=size)


@pytest.mark.parametrize(("size", "mib"), [("8G", 8192), ("8g", 8192), ("512M", 512), ("512MiB", 512), ("2048k", None)])
def test_sizes(size: str, mib: int | None) -> None:
    if mib is None:
        assert "at least 16M" in refused(OLLAMA_MEMORY_LIMIT=size)
    else:
        found = load("dev", {**DEV, "OLLAMA_MEMORY_LIMIT": size, "OLLAMA_MEMORY_RESERVATION": "64M"})
        assert found.ollama_memory_limit == mib * 1024**2


@pytest.mark.parametrize("cpus", ["0", "0.05", "0.25", "x", "NaN", "-1", ""])
def test_cpus_that_the_engine_cannot_be_given(cpus: str) -> None:
    assert "not a CPU share" in refused(ollama={"cpus": cpus})


def test_a_reservation_above_the_limit() -> None:
    assert "OLLAMA_MEMORY_RESERVATION is larger" in refused(OLLAMA_MEMORY_LIMIT="2G")


@pytest.mark.parametrize("cidr", ["8.8.0.0/16", "10.0.0.0/24", "10.0.0.1/20", "x"])
def test_a_network_that_cannot_be_used(cidr: str) -> None:
    assert "network.cidr" in refused(network={"cidr": cidr})


def test_one_port_twice() -> None:
    assert "httpPort and httpsPort are both 8443" in refused(edge={"httpPort": 8443, "httpsPort": 8443})


@pytest.mark.parametrize("value", ["off", False])
def test_the_smoke_request_can_be_off(value: Any) -> None:
    assert load("dev", {**DEV, "api": {"smoke": value}}).api.smoke is None


class TestProduction:
    PROD: ClassVar[dict[str, Any]] = {
        "OLLAMA_VERSION": f"0.35.1@{DIGEST}",
        "IMAGE_TAG": "1.0.0",
        "OLLAMA_MODELS": ["a:1"],
        "images": {"nginx": f"nginx:1.30.7@{DIGEST}"},
        "edge": {"apiKeys": "off"},
    }

    def test_is_the_default_profile(self) -> None:
        assert load("x", self.PROD).profile == "production"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("OLLAMA_VERSION", "latest"),
            ("OLLAMA_VERSION", "local"),
            ("OLLAMA_VERSION", "0.35.1"),
            ("IMAGE_TAG", "latest"),
            ("IMAGE_TAG", "local"),
            ("images", {"nginx": "nginx"}),
            ("images", {"nginx": "nginx:latest"}),
            ("images", {"nginx": "nginx:1.30"}),
            ("images", {}),
        ],
    )
    def test_refuses_images_that_can_change(self, key: str, value: Any) -> None:
        with pytest.raises(SettingsError, match=key):
            load("prod", {**self.PROD, key: value})

    def test_without_the_images_group_nginx_is_refused_too(self) -> None:
        with pytest.raises(SettingsError, match=r"images\.nginx"):
            load("prod", {key: value for key, value in self.PROD.items() if key != "images"})


def test_the_committed_stacks_are_valid() -> None:
    prod, dev = read_stack("prod"), read_stack("dev")
    assert isinstance(prod, Settings)
    assert prod.profile == "production"
    assert dev.profile == "development"
    assert not prod.network.cidr.overlaps(dev.network.cidr)


def test_a_stack_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (tmp_path / "Pulumi.blue.yaml").write_text("config: {}\n")
    with pytest.raises(SettingsError, match=r"There is no Pulumi\.red\.yaml.*Stacks with a file here: blue"):
        read_stack("red", tmp_path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("llama3.1:8b", ("registry.ollama.ai", "library", "llama3.1", "8b", "", "llama3.1:8b")),
        ("user/m:latest", ("registry.ollama.ai", "user", "m", "latest", "", "user/m:latest")),
        ("host.example:5000/ns/m:1", ("host.example:5000", "ns", "m", "1", "", "host.example:5000/ns/m:1")),
        ("registry/ns/m:1", ("registry", "ns", "m", "1", "", "registry/ns/m:1")),
        (
            "hf.co/Some-One/M.1-GGUF:Q4_K_M",
            ("hf.co", "Some-One", "M.1-GGUF", "Q4_K_M", "", "hf.co/Some-One/M.1-GGUF:Q4_K_M"),
        ),
        (f"a:1@{DIGEST}", ("registry.ollama.ai", "library", "a", "1", DIGEST, "a:1")),
    ],
)
def test_the_parts_of_a_model(text: str, parts: tuple[str, ...]) -> None:
    (model,) = load("dev", {**DEV, "OLLAMA_MODELS": [text]}).ollama_models
    assert (model.host, model.namespace, model.name, model.tag, model.digest, model.reference) == parts
    assert str(model) == model == text


@pytest.mark.parametrize(
    "model", ["host.example:5000/m:1", "a/b/c/d:1", "m", "m:", "m:1@", 5, 1.5, True, None, ["m:1"]]
)
def test_what_is_no_model(model: Any) -> None:
    assert "OLLAMA_MODELS.0: " in refused(OLLAMA_MODELS=[model])


def test_one_model_in_two_spellings() -> None:
    message = refused(OLLAMA_MODELS=["a:1", "library/a:1", "registry.ollama.ai/library/a:1", "b:1"])
    assert "OLLAMA_MODELS names a:1, library/a:1, registry.ollama.ai/library/a:1 twice" in message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"images": {"lego": "goacme/lego:4"}}, "images.lego: has no effect without edge.tls.acme"),
        ({"images": {"grafana": "other/grafana:1"}}, "images.grafana: has no effect without monitoring.grafana"),
        ({"images": {"ollama": "other/ollama"}}, 'images.ollama: has no effect while OLLAMA_VERSION is "local"'),
        ({"api": {"image": "other/api"}}, 'api.image: has no effect while IMAGE_TAG is "local"'),
        ({"api": {"env": {"ORCA_COLOUR": "red"}}}, "api: env.ORCA_COLOUR has no effect"),
        ({"rollout": {"watch": "0s", "errorRatio": 0.1}}, "rollout: errorRatio has no effect while watch is 0s"),
    ],
)
def test_a_setting_without_effect_beside_another(values: dict[str, Any], words: str) -> None:
    assert words in refused(**values)


def test_no_image_of_grafana_is_built_here() -> None:
    message = refused(monitoring={"grafana": True}, images={"grafana": "local"})
    assert 'images.grafana: "local" cannot be built here; name a published image' in message


@pytest.mark.parametrize(("version", "taken"), [("0.120.0", False), ("v0.155.1", False), ("0.156.0", True)])
def test_a_collector_too_old_for_elasticsearch(version: str, taken: bool) -> None:
    """It would end at every start, and no log would go anywhere."""
    values: dict[str, Any] = {
        "images": {"collector": f"otel/opentelemetry-collector-contrib:{version}"},
        "logging": {"sinks": {"elasticsearch": {"url": "https://es.example"}}},
    }
    if taken:
        load("dev", {**DEV, **values})
    else:
        assert "cannot write to logging.sinks.elasticsearch; name 0.156.0 or a newer one" in refused(**values)


def test_errors_between_groups_are_reported_at_once() -> None:
    message = refused(images={"lego": "goacme/lego:4"}, api={"image": "other/api"}, OLLAMA_MEMORY_LIMIT="1G")
    assert message.startswith('The configuration of stack "dev" has 3 errors; nothing was changed.')


@pytest.mark.parametrize("version", [0.35, 1.1])
def test_a_version_that_may_have_lost_digits(version: float) -> None:
    message = refused(OLLAMA_VERSION=version, IMAGE_TAG=version)
    assert f"OLLAMA_VERSION: {version} is a number without quotes" in message
    assert f"IMAGE_TAG: {version} is a number without quotes" in message
    assert load("dev", {**DEV, "OLLAMA_VERSION": str(version), "IMAGE_TAG": 20261127}).image_tag == "20261127"


@pytest.mark.parametrize(("value", "text"), [(5, "5"), (True, "true"), (False, "false"), (0.5, "0.5"), ("x", "x")])
def test_what_pulumi_writes_is_a_text(value: Any, text: str) -> None:
    assert load("dev", {**DEV, "api": {"env": {"X": value}}}).api.env == {"X": text}
    assert load("dev", {**DEV, "api": {"smoke": {"expect": value}}}).smoke
    found = load("dev", {**DEV, "edge": {"tls": {"certificateFile": value, "keyFile": "k"}}}).edge.tls
    assert found.certificate_file == text


SECRET = {"secure": "v1:x"}


def a_secret_of(store: str) -> dict[str, Any]:
    """What a secret of that store needs around it."""
    return {
        "api": {"secrets": {"A": {"from": store, "key": "A#b"}}},
        "secrets": {"releaseKey": SECRET, **({"vault": {"address": "https://v"}} if store == "vault" else {})},
    }


# A setting that has no effect is refused.
NEEDED: dict[str, dict[str, Any]] = {
    "api.secrets": {"secrets": {"releaseKey": SECRET}},
    "secrets.releaseKey": {"api": {"secrets": {"A": SECRET}}},
    "secrets.doppler.token": a_secret_of("doppler"),
    "secrets.vault.token": a_secret_of("vault"),
    "secrets.vault.appRole.secretId": a_secret_of("vault"),
    "secrets.pulumi": {"rollout": {"previewKey": {"from": "pulumi", "key": "A"}}},
    "logging.sinks.elasticsearch.apiKey": {"images": {"collector": PUBLISHED["collector"]}},
    "logging.sinks.datadog.apiKey": {"images": {"collector": PUBLISHED["collector"]}},
}
BESIDE: dict[str, dict[str, Any]] = {
    "monitoring.notify.email.password": {"to": "a@b.example", "sender": "c@b.example", "host": "mail.example"},
    "logging.sinks.elasticsearch.apiKey": {"url": "https://es.example"},
    "logging.sinks.otlp.authorization": {"url": "https://otlp.example"},
    "models.proxyLogin": {"proxy": "http://proxy.example:3128"},
}
"""What must stand beside a secret."""


@pytest.mark.parametrize("leaf", list(leaves()), ids=lambda leaf: leaf.key)
def test_a_secret_has_its_places(leaf: Leaf) -> None:
    value: Any = [SECRET] if leaf.key == "edge.apiKeys.<id>.keys" else SECRET
    if leaf.key in ("api.secrets", "secrets.pulumi"):
        value = {"A": SECRET}
    *above, last = leaf.key.replace("<id>", "app").split(".")
    data: dict[str, Any] = {**DEV}
    at = data
    for key in above:
        at = at.setdefault(key, {})
    at[last] = value
    at |= BESIDE.get(leaf.key, {})
    if leaf.key in ("edge.tls.key", "edge.tls.certificate"):
        at |= {"key": SECRET, "certificate": SECRET}
    if leaf.secret:
        load("dev", overlaid(data, NEEDED.get(leaf.key, {})))
        return
    with pytest.raises(SettingsError) as caught:
        load("dev", data)
    place = leaf.key.replace("<id>", "app")
    assert f"\n  {place}: is a secret, and would be in plain text" in str(caught.value)
    assert str(caught.value).count(f"{place}:") == 1


def test_a_secret_in_its_place_that_is_wrong_says_what_is_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        load("dev", {**DEV, "edge": {"apiKeys": {"app": {"keys": [SecretStr("k" * 32)]}}}})
    assert "edge.apiKeys.app.keys.0: is no key: " in str(caught.value)
    assert "k" * 32 not in str(caught.value)


class TestModels:
    """What `models`, `ollama` and the GPU's settings refuse beside each other."""

    @pytest.mark.parametrize("mirror", ["https://mirror.example", "http://mirror:5000/team", "local", "http://m/"])
    def test_a_mirror(self, mirror: str) -> None:
        assert load("dev", {**DEV, "models": {"mirror": mirror}}).models.mirror == mirror

    @pytest.mark.parametrize(
        ("mirror", "why"),
        [
            ("https://host/artifactory/api/docker/x", "has a path of more than one part"),
            ("https://host/artifactory/api/docker/x", "Artifactory: subdomain or port method; Nexus: a connector"),
            ("https://host/repository/models/v2/", "a reverse proxy, see docs/operations.md"),
            ("https://host/my.team", "has the namespace my.team, where Ollama takes up to 80 letters, digits, - and _"),
            ("https://host//team", "is not a registry"),
            ("mirror.example", "is not a registry"),
            ("ftp://mirror", "is not a registry"),
        ],
    )
    def test_a_mirror_that_cannot_be(self, mirror: str, why: str) -> None:
        assert why in refused(models={"mirror": mirror})

    def test_a_mirror_with_a_password_does_not_show_it(self) -> None:
        message = refused(models={"mirror": "https://me:s3cret@host"})
        assert "models.mirror: has a user or a password in it, and Ollama has no login for registries" in message
        assert "s3cret" not in message

    @pytest.mark.parametrize(
        ("models", "group", "why"),
        [
            (["r:5/n/m:1"], {"mirror": "local"}, "models.mirror: has no effect"),
            (["a:1", "u/b:1"], {"mirror": "http://m/team"}, "where u/b:1 with its own namespace cannot be"),
            (["a:1"], {"plainHttp": ["r:5"]}, "models.plainHttp: no model is pulled from r:5"),
            (["a:1"], {"mirror": "http://m", "proxy": "http://p:1"}, "models.proxy: has no effect"),
            (["r:5/n/m:1"], {"plainHttp": ["r:5"], "ca": "CA"}, "models.ca: has no effect"),
            (["a:1"], {"noProxy": ["m"]}, "noProxy has no effect without proxy"),
            (["a:1"], {"proxy": "http://me:secret@p:1"}, "as a secret in models.proxyLogin"),
            (["a:1"], {"proxyLogin": "me:secret"}, "proxyLogin has no effect without proxy"),
            (["a:1"], {"proxy": "http://p:1", "proxyLogin": "secret"}, "proxyLogin is not of the form user:password"),
            (["a:1"], {"ca": "/etc/ca.pem"}, "is no PEM of certificates"),
        ],
    )
    def test_a_source_that_cannot_be(self, models: list[str], group: dict[str, Any], why: str) -> None:
        pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
        values = {key: pem if value == "CA" else value for key, value in group.items()}
        assert why in refused(OLLAMA_MODELS=models, models=values)

    @pytest.mark.parametrize("past", [".corp.example", "10.0.0.0/8", "fd00::/8", "registry:5000", "10.0.0.7", "*"])
    def test_what_goes_past_the_proxy(self, past: str) -> None:
        group = {"proxy": "http://p:1", "noProxy": [past]}
        assert load("dev", {**DEV, "OLLAMA_MODELS": ["a:1"], "models": group}).models.no_proxy == (past,)

    @pytest.mark.parametrize("past", ["http://host", "a b", "*.corp.example"])
    def test_what_cannot_go_past_the_proxy(self, past: str) -> None:
        message = refused(OLLAMA_MODELS=["a:1"], models={"proxy": "http://p:1", "noProxy": [past]})
        assert f'"{past}" is no host; write host[:port], .domain, an address, or a range as 10.0.0.0/8' in message

    def test_a_bundle_of_authorities(self) -> None:
        """With words between the certificates, as a bundle of a distribution has them."""
        pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
        values = {**DEV, "OLLAMA_MODELS": ["a:1"]}
        assert load("dev", {**values, "models": {"ca": f"# One\n{pem}\n# Two\n{pem}"}}).models.ca == pem + pem

    @pytest.mark.parametrize(
        ("bundle", "why"),
        [
            (
                "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" * 2000,
                "has 2000 certificates",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "is no PEM of certificates"),
        ],
    )
    def test_what_is_no_bundle_of_authorities(self, bundle: str, why: str) -> None:
        assert f"models.ca: {why}" in refused(OLLAMA_MODELS=["a:1"], models={"ca": bundle})

    @pytest.mark.parametrize(
        ("value", "seconds"), [("-1", -1), (-1, -1), ("-5m", -1), ("0", 0), (0, 0), ("30s", 30), ("1h30m", 5400)]
    )
    def test_keep_alive(self, value: Any, seconds: int) -> None:
        assert load("dev", {**DEV, "ollama": {"keepAlive": value}}).ollama.keep_alive == seconds

    @pytest.mark.parametrize(
        ("group", "why"),
        [
            ({"env": {"OLLAMA_MODELS": "a:1"}}, "OLLAMA_MODELS cannot be set here: there it is a directory"),
            ({"env": {"OLLAMA_HOST": "0.0.0.0"}}, "OLLAMA_HOST cannot be set here"),
            ({"env": {"OLLAMA_KEEP_ALIVE": "5m"}}, "write it as ollama.keepAlive"),
            ({"env": {"LLAMA_ARG_THREADS": "8"}}, "LLAMA_ARG_THREADS cannot be set here: it follows ollama.cpus"),
            ({"env": {"https_proxy": "http://p"}}, "models.proxy is for pulls"),
            ({"keepAlive": "soon"}, "is not a duration"),
            ({"preload": "b:1"}, "write all, or a list of entries of OLLAMA_MODELS"),
            ({"preload": ["b:1"]}, "ollama.preload: b:1 is not in OLLAMA_MODELS"),
            ({"preload": "all", "keepAlive": "0"}, "preload has no effect with keepAlive 0"),
            ({"flashAttention": False, "kvCacheType": "q8_0"}, "kvCacheType q8_0 needs flash attention"),
            ({"promptCache": "3G"}, "3 loaded models would keep 9216 MiB of prompts"),
        ],
    )
    def test_settings_of_ollama_that_cannot_be(self, group: dict[str, Any], why: str) -> None:
        assert why in refused(ollama=group)

    def test_a_prompt_cache_that_fits_the_memory(self) -> None:
        assert load("dev", DEV).prompt_cache == 341 * 1024**2
        small = {**DEV, "OLLAMA_MEMORY_LIMIT": "512M", "OLLAMA_MEMORY_RESERVATION": "64M"}
        assert load("dev", {**small, "OLLAMA_MAX_LOADED_MODELS": 1}).prompt_cache == 64 * 1024**2
        assert load("dev", {**small, "OLLAMA_MAX_LOADED_MODELS": 0}).prompt_cache == 21 * 1024**2
        assert load("dev", {**DEV, "ollama": {"promptCache": "off"}}).prompt_cache == 0

    def test_preloaded_models_have_their_digests(self) -> None:
        pinned = {**DEV, "OLLAMA_MODELS": [f"a:1@{DIGEST}", "b:1"], "ollama": {"preload": ["library/a:1"]}}
        assert [model.digest for model in load("dev", pinned).preloaded] == [DIGEST]
        assert load("dev", {**pinned, "ollama": {"preload": "all"}}).preloaded == (f"a:1@{DIGEST}", "b:1")

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"gpu": "nvidia"}, 'the image of OLLAMA_VERSION "local" is for CPUs only'),
            ({"gpuDevices": ["0"]}, "gpuDevices: has no effect while gpu is none"),
            ({"OLLAMA_VERSION": "1", "gpu": "nvidia", "gpuDevices": ["/dev/dri/card0"]}, "is no device of nvidia"),
            ({"OLLAMA_VERSION": "1", "gpu": "amd", "gpuDevices": ["0"]}, "is no device of amd"),
            ({"OLLAMA_VERSION": "1", "gpu": "amd", "gpuDevices": ["/dev/sda"]}, "gpuDevices.0"),
        ],
    )
    def test_gpus_that_cannot_be(self, values: dict[str, Any], why: str) -> None:
        assert why in refused(**values)
