"""The deployed stack as its users and operators see it."""

import json
import ssl
import time
from pathlib import Path
from typing import Any

import docker
import openai
import pytest
import requests

from engine.arguments import VARIABLE, write
from rollout.arguments import Place, Preflight
from tests.integration.conftest import CONFIG, PLACE
from tools.lab.project import Project

BASE = f"https://localhost:{PLACE.https}"


@pytest.fixture
def client(ca: Path) -> openai.OpenAI:
    """The official client, trusting the stack's CA and nothing else, never trying twice."""
    trusted = ssl.create_default_context(cafile=ca)
    return openai.OpenAI(
        base_url=f"{BASE}/v1", api_key="unused", max_retries=0, http_client=openai.DefaultHttpxClient(verify=trusted)
    )


class TestUsers:
    def test_a_whole_completion(self, client: openai.OpenAI) -> None:
        answer = client.chat.completions.create(
            model="tiny-random:latest", messages=[{"role": "user", "content": "hello"}], max_tokens=8
        )
        assert answer.choices[0].message.content
        assert answer.usage is not None
        assert answer.usage.completion_tokens > 0

    def test_a_streamed_completion(self, client: openai.OpenAI) -> None:
        chunks = list(
            client.chat.completions.create(
                model="tiny-random:latest", messages=[{"role": "user", "content": "hello"}], max_tokens=8, stream=True
            )
        )
        assert len(chunks) > 2
        assert chunks[-1].choices[0].finish_reason is not None

    def test_tokens_come_as_they_are_made(self, client: openai.OpenAI) -> None:
        """Not all at once in the end, as from a buffer: then no answer would have begun before half of its time."""

        def moments() -> list[float]:
            begin = time.monotonic()
            return [
                time.monotonic() - begin
                for _ in client.chat.completions.create(
                    model="tiny-random:latest",
                    messages=[{"role": "user", "content": "hello"}],
                    max_tokens=400,
                    stream=True,
                )
            ]

        # The machine may be busy for as long as one answer takes.
        answers = [moments() for _ in range(5)]
        assert all(len(answer) > 100 for answer in answers)
        assert min(answer[0] / answer[-1] for answer in answers) < 0.5

    def test_the_models_are_listed(self, client: openai.OpenAI) -> None:
        assert "tiny-random:latest" in [model.id for model in client.models.list()]

    @pytest.mark.parametrize("path", ["/", "/api/tags", "/api/pull", "/metrics", "/healthz", "/live"])
    def test_nothing_else_is_open(self, ca: Path, path: str) -> None:
        answer = requests.get(BASE + path, verify=str(ca), timeout=5)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "404"

    @pytest.mark.usefixtures("stack")
    def test_the_plain_port_redirects(self) -> None:
        answer = requests.get(f"http://localhost:{PLACE.http}/v1/models", allow_redirects=False, timeout=5)
        assert (answer.status_code, answer.headers["location"]) == (308, f"{BASE}/v1/models")

    @pytest.mark.usefixtures("stack")
    def test_an_unknown_name_gets_no_handshake(self) -> None:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"https://127.0.0.1:{PLACE.https}/v1/models", verify=False, timeout=5)

    def test_a_body_over_the_limit(self, ca: Path) -> None:
        body = b"x" * (9 * 1024 * 1024)
        answer = requests.post(f"{BASE}/v1/chat/completions", data=body, verify=str(ca), timeout=30)
        assert answer.status_code == 413


class TestOperators:
    def test_a_second_preview_is_empty(self, stack: Project) -> None:
        stack.pulumi("preview", "--expect-no-changes")

    def test_so_is_one_from_another_checkout(self, stack: Project, tmp_path: Path) -> None:
        other = Project(tmp_path, stack.name, CONFIG, stack.backend)
        other.pulumi("preview", "--expect-no-changes")

    def test_so_is_one_after_a_refresh(self, stack: Project) -> None:
        stack.pulumi("refresh", "--yes", "--skip-preview")
        stack.pulumi("preview", "--expect-no-changes")

    def test_the_outputs(self, stack: Project) -> None:
        outputs = stack.outputs()
        assert outputs["url"] == BASE
        assert outputs["ca"].startswith("-----BEGIN CERTIFICATE-----")
        assert outputs["live"] in ("blue", "green")
        assert outputs["image"].startswith("orca-agents/api:")
        assert outputs["models"]["tiny-random:latest"].startswith("sha256:")
        assert len(outputs["release"]) == 12

    def test_no_secret_is_readable(self, stack: Project, engine: docker.DockerClient) -> None:
        state = stack.pulumi("stack", "export").stdout
        inspected = str([container.attrs for container in engine.containers.list(all=True, ignore_removed=True)])
        assert "PRIVATE KEY" not in state
        assert "PRIVATE KEY" not in inspected

    def test_a_changed_setting_of_the_edge_is_a_reload(
        self, stack: Project, config: dict[str, Any], engine: docker.DockerClient
    ) -> None:
        before = engine.containers.get(f"{PLACE.name}-nginx").attrs
        stack.write({**config, "edge": {**config["edge"], "bodyLimit": "1M"}})
        assert set(stack.planned()) == {"storage-edge-config-files", "edge-configure"}
        stack.up()
        after = engine.containers.get(f"{PLACE.name}-nginx").attrs
        assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
        stack.write(config)
        stack.up()

    def test_an_update_starts_what_was_stopped_by_hand(
        self, stack: Project, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The model server first, then the edge and the live colour too; nothing is recreated."""

        def seen() -> dict[str, tuple[str, str]]:
            found = engine.containers.list(all=True, filters={"name": f"^/{PLACE.name}-"}, ignore_removed=True)
            return {container.name or "": (container.id or "", container.status) for container in found}

        before = seen()
        live = stack.outputs()["live"]
        engine.containers.get(f"{PLACE.name}-ollama").stop()
        status = stack.run("python3", "-m", "rollout", "status", "--stack", PLACE.name, "--json")
        assert json.loads(status.stdout)["down"] == {f"{PLACE.name}-ollama": "exited"}
        assert f"`docker start {PLACE.name}-ollama`" in stack.run(*status.args[:-1]).stdout
        # An update would have started it; somebody may stop it in the middle of a release.
        argument = Preflight(
            place=Place(edge=f"{PLACE.name}-nginx", service=f"{PLACE.name}-api"),
            colour="green" if live == "blue" else "blue",
            release="0" * 12,
            generation=1,
            attempt=2,
            drain_timeout=1,
            config="",
            needs=(f"{PLACE.name}-ollama",),
        )
        monkeypatch.setitem(stack.env, VARIABLE, write(argument))
        refused = stack.run("python3", "-m", "rollout", "step", "preflight", check=False)
        assert refused.returncode == 3
        assert f"`docker start {PLACE.name}-ollama`" in refused.stderr
        for service in ("nginx", f"api-{live}"):
            engine.containers.get(f"{PLACE.name}-{service}").stop()
        names = [f"{PLACE.name}-{service}" for service in ("ollama", "nginx", f"api-{live}")]
        stopped, preview = seen(), stack.pulumi("preview", "--expect-no-changes").stdout
        assert all(f"{name} is exited. The update starts it." in preview for name in names)
        assert seen() == stopped
        done = stack.deploy("up").stdout
        assert all(f"{name} was exited. This update has started it." in done for name in names)
        assert "whole answer after" in done
        assert seen() == before
        assert stack.outputs()["live"] == live
        stack.pulumi("preview", "--expect-no-changes")

    def test_a_bad_configuration_never_becomes_the_running_one(self, stack: Project, ca: Path) -> None:
        template = stack.folder / "nginx" / "conf.d" / "50-sizes.conf.j2"
        good = template.read_text()
        template.write_text(good + "no_such_directive on;\n")
        failed = stack.up(check=False)
        assert failed.returncode != 0
        assert 'unknown directive "no_such_directive"' in failed.stdout + failed.stderr
        assert requests.get(f"{BASE}/v1/models", verify=str(ca), timeout=5).status_code == 200
        template.write_text(good)
        stack.up()
        stack.pulumi("preview", "--expect-no-changes")

    def test_new_models(self, stack: Project, config: dict[str, Any], client: openai.OpenAI) -> None:
        stack.write({**config, "OLLAMA_MODELS": ["tiny-random:latest", "smollm2:135m"]})
        assert set(stack.planned()) == {"ollama-init", "ollama-init-run"}
        stack.up()
        answer = client.chat.completions.create(
            model="smollm2:135m",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            temperature=0,
            max_tokens=32,
        )
        assert "Paris" in (answer.choices[0].message.content or "")
        assert set(stack.outputs()["models"]) == {"tiny-random:latest", "smollm2:135m"}

    def test_a_version_that_cannot_be_pulled_costs_nothing(
        self, stack: Project, config: dict[str, Any], engine: docker.DockerClient, ca: Path
    ) -> None:
        before = engine.containers.get(f"{PLACE.name}-ollama").attrs
        stack.write({**config, "OLLAMA_VERSION": "0.99", "images": {"ollama": "127.0.0.1:1/ollama"}})
        failed = stack.up(check=False)
        assert failed.returncode != 0
        assert "  127.0.0.1:1/ollama:0.99: " in failed.stdout + failed.stderr
        after = engine.containers.get(f"{PLACE.name}-ollama").attrs
        assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
        assert requests.get(f"{BASE}/v1/models", verify=str(ca), timeout=5).status_code == 200
        stack.write(config)
        assert not {"images", "ollama", "ollama-ready"} & set(stack.planned())
        stack.up()

    def test_a_wrong_digest_is_refused_and_costs_nothing(
        self, stack: Project, config: dict[str, Any], client: openai.OpenAI
    ) -> None:
        stack.write({**config, "OLLAMA_MODELS": [f"tiny-random:latest@sha256:{'0' * 64}"]})
        failed = stack.up(check=False)
        assert failed.returncode != 0
        assert f"OLLAMA_MODELS pins sha256:{'0' * 64}" in failed.stdout + failed.stderr
        assert "tiny-random:latest" in [model.id for model in client.models.list()]
        stack.write(config)
        stack.up()
