"""Which engine the commands ask, and what they say of a mistake."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pulumi
import pytest
from pulumi.runtime.config import CONFIG

from components import provider
from engine import address
from engine.errors import NeedsPerson, Refused, Usage
from ops import __main__ as command_line
from ops import recover
from ops import release as releasing
from ops.pulumi import PulumiFailed
from rollout import stack as rollout_stack
from rollout.journal import Journal
from rollout.stack import engine_of
from settings import Settings, SettingsError, load

FAR, OTHER = "ssh://deploy@llm-1.example.com", "ssh://deploy@llm-2.example.com"
DEFAULT = "unix:///var/run/docker.sock"
BASE = {"profile": "development", "OLLAMA_VERSION": "local", "IMAGE_TAG": "local", "OLLAMA_MODELS": ["a:1"]}
PRODUCTION = {
    "profile": "production",
    "OLLAMA_VERSION": f"1.0.0@sha256:{'a' * 64}",
    "IMAGE_TAG": "1.0.0",
    "api": {"image": "registry.example.com/api"},
    "edge": {"hostname": "llm.example.com", "apiKeys": "off"},
    "images": {"nginx": f"nginx:1.31.9@sha256:{'a' * 64}"},
}
LIVE = Journal(attempt=1).flipped("blue", "r1", "release", "now")


@pytest.fixture(autouse=True)
def _no_engine_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "STACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The checkout, as the rollout sees it."""
    monkeypatch.setattr(rollout_stack, "_ROOT", tmp_path)
    return tmp_path


def configured(folder: Path, *lines: str, project: str = "") -> None:
    (folder / "Pulumi.yaml").write_text(f"name: orca-agents\n{project}")
    (folder / "Pulumi.x.yaml").write_text("\n".join(["config:", "  orca-agents:profile: production", *lines]))


@pytest.mark.parametrize(
    ("line", "chosen", "asked"),
    [
        (None, None, DEFAULT),
        (None, OTHER, OTHER),
        (FAR, None, FAR),
        (FAR, OTHER, FAR),
        (FAR, "unix:///run/user/1000/docker.sock", FAR),
        (FAR, "", FAR),
        (None, "", DEFAULT),
    ],
)
def test_the_stacks_own_engine_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, line: str | None, chosen: str | None, asked: str
) -> None:
    configured(folder, *([f"  orca-agents:dockerHost: {line}"] if line else []))
    if chosen is not None:
        monkeypatch.setenv("DOCKER_HOST", chosen)
    assert engine_of("x") == asked


@pytest.mark.parametrize(
    "line", [f"  dockerHost: {FAR}", f'  "dockerHost" : {FAR}', f"  'orca-agents:dockerHost': {FAR}"]
)
@pytest.mark.parametrize("project", ["", f"config:\n  dockerHost: {OTHER}"])
def test_its_key_may_be_written_as_pulumi_reads_it(folder: Path, line: str, project: str) -> None:
    configured(folder, line, project=project)
    assert engine_of("x") == FAR


@pytest.mark.parametrize(
    "written",
    [
        f"dockerHost: {FAR}",
        f"orca-agents:dockerHost: {FAR}",
        f"dockerHost: {{value: '{FAR}'}}",
        f"dockerHost: {{type: string, default: '{FAR}'}}",
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_the_engine_may_be_that_of_the_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch, written: str, own: bool
) -> None:
    configured(folder, project=f"config:\n  {written}")
    if not own:
        (folder / "Pulumi.x.yaml").unlink()
        monkeypatch.setenv("DOCKER_HOST", OTHER)
    assert engine_of("x") == FAR


def test_a_key_of_somebody_else_is_none_of_the_stacks(folder: Path) -> None:
    configured(folder, f"  docker:dockerHost: {FAR}")
    assert engine_of("x") == DEFAULT


def test_an_engine_that_the_user_named_in_vain_is_mentioned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(folder, f"  orca-agents:dockerHost: {FAR}")
    monkeypatch.setenv("DOCKER_HOST", OTHER)
    engine_of("x")
    assert capsys.readouterr().err == (
        f"x is on {FAR} (dockerHost in Pulumi.x.yaml); DOCKER_HOST ({OTHER}) is not asked.\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  orca-agents:dockerHost: {secure: v1:abc}", "dockerHost in Pulumi.x.yaml is not a text"),
        ("  dockerHost: {value: v1:abc}", "dockerHost in Pulumi.x.yaml is not a text"),
        ("  orca-agents:dockerHost: [", "Pulumi.x.yaml is not valid YAML"),
        (f"dockerHost: {FAR}\n- x", "Pulumi.x.yaml is not valid YAML"),
    ],
)
def test_a_file_that_cannot_tell_is_no_reason_to_guess(folder: Path, line: str, said: str) -> None:
    configured(folder, line)
    with pytest.raises(Usage, match=said):
        engine_of("x")


@pytest.mark.parametrize("project", ["config: [dockerHost]", "x: ["])
def test_neither_is_one_of_the_project(folder: Path, project: str) -> None:
    configured(folder, f"  dockerHost: {FAR}", project=project)
    with pytest.raises(Usage, match=r"Pulumi\.yaml is not .*nothing says which engine"):
        engine_of("x")


def test_without_a_file_the_user_has_to_name_the_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(folder.iterdir())
    with pytest.raises(Usage, match=r"no Pulumi\.x\.yaml here.*Nothing was asked.*DOCKER_HOST=unix://"):
        engine_of("x")
    monkeypatch.setenv("DOCKER_HOST", OTHER)
    assert engine_of("x") == OTHER


class Found:
    """A container on an engine, with the name of what was begun."""

    def __init__(self) -> None:
        self.id, self.removed = "made", False
        self.attrs: dict[str, Any] = {"HostConfig": {"PidsLimit": None}}

    def remove(self, **_: bool) -> None:
        self.removed = True


class State:
    """A state with operations that were begun and never ended, and what came of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *pending: dict[str, Any], provider: dict[str, Any]) -> None:
        self.written: dict[str, Any] | None = None
        self.asked: list[str] = []
        self.container = Found()
        self.error: Exception | None = None
        self.locked = False
        self.meanwhile: dict[str, Any] = {}
        urn = "urn:pulumi:x::orca-agents::pulumi:providers:docker::engine"
        for operation in pending:
            operation["resource"]["provider"] = f"{urn}::7c9f"
        resources = [{"urn": urn, "type": "pulumi:providers:docker", "inputs": provider}]
        self.content = {"deployment": {"resources": resources, "pending_operations": list(pending)}}
        monkeypatch.setattr("ops.recover.pulumi.read", self._read)
        monkeypatch.setattr("ops.recover.connect", self._connect)
        monkeypatch.setattr("ops.recover.find", lambda *_: self.container)

    def _read(self, *words: str, stdin: str = "") -> str:
        if words[1] == "import":
            assert not self.container.removed, "nothing is removed before the state is known to be free"
            if self.locked:
                raise PulumiFailed("the stack is currently locked by 1 lock(s)")
            self.written = json.loads(stdin)
            self.content = {"deployment": self.written["deployment"] | self.meanwhile}
        return json.dumps(self.content)

    def _connect(self, where: str) -> docker.DockerClient:
        self.asked.append(where)
        if self.error:
            raise self.error
        return docker.DockerClient(base_url="unix:///nowhere", version="1.41")


def begun(kind: str = "container:Container", how: str = "creating") -> dict[str, Any]:
    return {"type": how, "resource": {"type": f"docker:index/{kind}", "inputs": {"name": "x-nginx"}}}


def test_what_was_begun_on_the_stacks_engine_is_looked_for_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(folder, f"  orca-agents:dockerHost: {FAR}")
    state = State(monkeypatch, begun(), provider={"host": FAR})
    assert recover.finish_interrupted("x") == 1
    assert state.asked == [FAR]
    assert state.container.removed
    assert state.written is not None
    assert state.written["deployment"]["pending_operations"] == []


def test_what_could_not_be_asked_for_is_not_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(folder)
    state = State(monkeypatch, begun(), provider={})
    state.error = ConnectionError("no engine")
    with pytest.raises(ConnectionError):
        recover.finish_interrupted("x")
    assert state.written is None


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        # It holds the state's lock, which may be where no file of this machine shows it.
        ({"locked": True}, PulumiFailed, r"Nothing was changed\.(.|\n)*locked"),
        (
            {"meanwhile": {"pending_operations": [begun()]}},
            Refused,
            r"Another deployment of x has begun; nothing was removed.*left x-nginx",
        ),
    ],
    ids=["elsewhere", "begun since"],
)
def test_what_another_deployment_is_making_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    configured(folder)
    state = State(monkeypatch, begun(), provider={})
    vars(state).update(change)
    with pytest.raises(error, match=said):
        recover.finish_interrupted("x")
    assert not state.container.removed


def test_what_one_has_made_since_is_left_alone_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(folder)
    state = State(monkeypatch, begun(), provider={})
    state.meanwhile = {"resources": [{"urn": "x", "id": state.container.id}]}
    recover.finish_interrupted("x")
    assert not state.container.removed


@pytest.mark.parametrize(
    ("now", "then"), [(FAR, {"host": OTHER}), (FAR, {}), (None, {"host": FAR}), (None, {"host": OTHER})]
)
def test_what_was_begun_on_another_engine_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, now: str | None, then: dict[str, str]
) -> None:
    configured(folder, *([f"  orca-agents:dockerHost: {now}"] if now else []))
    state = State(monkeypatch, begun(), begun("network:Network"), provider=then)
    with pytest.raises(Refused, match=r"interrupted on the engine at .*Neither was asked.*ops recover --stack x"):
        recover.finish_interrupted("x")
    assert (state.asked, state.written) == ([], None)


def test_what_needs_no_engine_asks_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without the stack's file, so that `down` works without it."""
    assert not list(folder.iterdir())
    state = State(monkeypatch, begun(how="updating"), begun("volume:Volume"), provider={"host": FAR})
    assert recover.finish_interrupted("x") == 2
    assert state.asked == []
    assert state.written is not None
    assert state.written["deployment"]["pending_operations"] == []


def settings(**change: Any) -> Settings:
    return load("x", {**BASE, **change})


def test_a_docker_context_is_refused_where_the_provider_would_follow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    with pytest.raises(pulumi.RunError, match="DOCKER_CONTEXT is elsewhere"):
        provider.on_engine(settings(dockerHost=FAR))


@pytest.mark.parametrize("key", ["docker:host", "docker:context"])
def test_so_is_what_only_the_provider_reads(key: str) -> None:
    before = CONFIG.set({key: OTHER})
    try:
        with pytest.raises(pulumi.RunError, match=f"{key} is set"):
            provider.on_engine(settings())
    finally:
        CONFIG.reset(before)


@pytest.mark.parametrize(
    "change",
    [
        {"IMAGE_TAG": "1", "api": {"image": "registry.example.com/api"}},
        PRODUCTION,
    ],
)
def test_a_release_does_not_replace_somebodys_image_by_our_own(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(releasing, "read_stack", lambda _: settings(**change))
    with pytest.raises(Refused, match=r"make deploy STACK=x TAG=<tag>.*registry\.example\.com/api"):
        releasing.release("x", "")


def test_a_tag_that_is_refused_does_not_get_into_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(releasing, "read", lambda *_: BASE | PRODUCTION)
    monkeypatch.setattr(releasing, "read_stack", lambda _: settings(**PRODUCTION))
    monkeypatch.setattr("ops.pulumi.make", lambda _: False)
    monkeypatch.setattr("ops.pulumi.read", lambda *words: said.append(words))
    monkeypatch.setattr(releasing, "up", lambda _: None)
    for tag in ("latest", "not a tag"):
        with pytest.raises(SettingsError, match=rf"{tag} cannot be deployed.*\n.*nothing was changed.\n.*IMAGE_TAG"):
            releasing.release("x", tag)
    assert not said
    releasing.release("x", "1.0.1")
    assert said == [("config", "set", "IMAGE_TAG", "1.0.1", "--stack", "x")]


@pytest.mark.parametrize(
    ("before", "tag", "told"),
    [
        ("main", "main", True),
        ("main", "next", False),
        (f"main@sha256:{'a' * 64}", f"main@sha256:{'a' * 64}", False),
        ("local", "local", False),
    ],
)
def test_a_tag_that_is_deployed_already_asks_no_registry_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], before: str, tag: str, told: bool
) -> None:
    monkeypatch.setattr(releasing, "read", lambda *_: BASE)
    monkeypatch.setattr(releasing, "read_stack", lambda _: settings(IMAGE_TAG=before))
    monkeypatch.setattr("ops.pulumi.make", lambda _: False)
    monkeypatch.setattr("ops.pulumi.read", lambda *_: "")
    monkeypatch.setattr(releasing, "up", lambda _: None)
    monkeypatch.setattr(releasing, "_live", lambda _: ("blue", "r1", 1, 1))
    releasing.release("x", tag)
    assert ("use a tag of its own, or main@sha256:<digest>" in capsys.readouterr().out) == told


@pytest.mark.parametrize(
    ("tag", "after", "promote", "why"),
    [
        ("", LIVE, "auto", "images/api is as it was"),
        ("", LIVE.flipped("green", "r2", "release", "now"), "auto", ""),
        ("", LIVE, "manual", ""),
        ("1", LIVE, "auto", "IMAGE_TAG was 1 already"),
        ("1", LIVE.flipped("green", "r2", "release", "now"), "auto", ""),
        # Flipped by hand since the last update, and back; or made anew where it was.
        ("1", LIVE.flipped("green", "r2", "by hand", "now").flipped("blue", "r1", "release", "now"), "auto", ""),
        ("1", LIVE.begun("blue", "r1", "now").at_phase("done", None, "now"), "auto", ""),
        ("1", None, "auto", ""),
    ],
)
def test_a_release_without_a_change_says_that_nothing_was_released(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tag: str,
    after: Journal | None,
    promote: str,
    why: str,
) -> None:
    seen = iter((LIVE, after))
    monkeypatch.setattr(
        releasing, "read_stack", lambda _: settings(IMAGE_TAG=tag or "local", rollout={"promote": promote})
    )
    monkeypatch.setattr(releasing, "wait_for_other", lambda _: None)
    monkeypatch.setattr(releasing, "_build", lambda _: None)
    monkeypatch.setattr(releasing, "engine_of", lambda _: FAR)
    monkeypatch.setattr(releasing, "open_stack", lambda _: SimpleNamespace(edge=None))
    monkeypatch.setattr("rollout.state.read", lambda _: SimpleNamespace(journal=next(seen)))
    monkeypatch.setattr(releasing, "up", lambda _: None)
    releasing.release("x", tag)
    said = capsys.readouterr().out
    assert ("Nothing was released" in said) == bool(why)
    assert f"{why}, and no other setting of the API has changed. Release r1 stays live on blue." in said or not why


@pytest.mark.parametrize("error", [NeedsPerson("it does not run"), ConnectionError("reset")])
def test_a_release_that_cannot_see_what_is_live_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(releasing, "read_stack", lambda _: settings(IMAGE_TAG="1"))
    monkeypatch.setattr(releasing, "wait_for_other", lambda _: None)
    monkeypatch.setattr(releasing, "open_stack", fail)
    monkeypatch.setattr(releasing, "up", lambda _: None)
    releasing.release("x", "1")
    assert "Nothing was released" not in capsys.readouterr().out


@pytest.mark.parametrize("error", [PulumiFailed("`pulumi up` failed"), Refused("not the stack's engine")])
@pytest.mark.parametrize("before", ["1", "2"])
def test_a_release_that_fails_says_how_to_go_back(
    monkeypatch: pytest.MonkeyPatch, before: str, error: Exception
) -> None:
    said: list[tuple[str, ...]] = []

    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(releasing, "read", lambda *_: BASE)
    monkeypatch.setattr(releasing, "read_stack", lambda _: settings(IMAGE_TAG=before))
    monkeypatch.setattr("ops.pulumi.make", lambda _: False)
    monkeypatch.setattr("ops.pulumi.read", lambda *words: said.append(words))
    monkeypatch.setattr(releasing, "up", fail)
    monkeypatch.setattr(releasing, "_live", lambda _: ("blue", "r1", 1, 1))
    with pytest.raises(type(error)) as caught:
        releasing.release("x", "2")
    assert str(caught.value).startswith(str(error))
    ways = [
        "give the right one: `make deploy STACK=x TAG=<tag>`.",
        "run the same command again.",
        "go back: `pulumi config set IMAGE_TAG 1 --stack x`, then `make up STACK=x`.",
    ]
    found = [str(caught.value).find(way) for way in ways]
    assert found == sorted(found)
    assert (found[0] > 0) == bool(said) == (before == "1")


@pytest.mark.parametrize("verb", ["up", "preview", "release"])
def test_a_stack_without_a_file_is_one_message(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main([verb, "--stack", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith('There is no Pulumi.nowhere.yaml, so no stack "nowhere".')


@pytest.mark.parametrize("verb", ["down", "recover"])
def test_no_pulumi_is_one_message(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line.main([verb, "--stack", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith("There is no `pulumi` on the PATH; nothing was changed.")


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (PulumiFailed("x"), 1), (OSError("no route"), 1), (Refused("no"), 1)],
)
def test_every_end_is_a_message(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(command_line, "preview", fail)
    assert command_line.main(["preview"]) == code
    assert str(error) in capsys.readouterr().err


def test_an_address_is_what_it_says() -> None:
    assert address.of_stack(FAR) == FAR
    assert address.of_stack(None) == address.of_user() == DEFAULT
