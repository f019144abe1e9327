"""The clients that people use, against the deployed stack: what they ask for, and how."""

import json
import os
import ssl
import subprocess
from pathlib import Path

import httpx
import openai
import pytest

from tests.integration.conftest import PLACE

BASE = f"https://localhost:{PLACE.https}"
MODEL = "tiny-random:latest"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}


@pytest.fixture
def package(ca: Path) -> openai.OpenAI:
    trusted = openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=ca))
    return openai.OpenAI(base_url=f"{BASE}/v1", api_key="unused", max_retries=0, http_client=trusted)


class TestOpenai:
    def test_one_model(self, package: openai.OpenAI) -> None:
        assert package.models.retrieve(MODEL).id == MODEL

    def test_a_model_that_is_not_there(self, package: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError):
            package.models.retrieve("none:latest")

    def test_a_completion_without_a_chat(self, package: openai.OpenAI) -> None:
        assert package.completions.create(model=MODEL, prompt="one", max_tokens=8).choices[0].text


class TestASlashTooMany:
    """A client that follows a redirect comes back to the same https host and port, its prompt and key with it."""

    def test_httpx(self, ca: Path) -> None:
        with httpx.Client(verify=ssl.create_default_context(cafile=ca), follow_redirects=True, timeout=60) as client:
            models = client.get(f"{BASE}/v1/models/")
            answer = client.post(f"{BASE}/v1/chat/completions/", json=CHAT)
        for followed in (models, answer):
            assert followed.status_code == 200
            assert {str(hop.url).startswith(f"{BASE}/") for hop in (*followed.history, followed)} == {True}
        assert answer.json()["choices"][0]["message"]["content"]

    def test_curl(self, ca: Path) -> None:
        asked = ["curl", "-sS", "--cacert", str(ca), "--location", "--proto-redir", "=https", f"{BASE}/v1/models/"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True)
        assert MODEL in done.stdout

    def test_node(self, ca: Path) -> None:
        """Its fetch, streaming."""
        program = f"""
            let status, url, end, most = 0;
            for (let answers = 0; answers < 5; answers++) {{  // a busy machine may take up one of them in one piece
                const answer = await fetch("{BASE}/v1/chat/completions/", {{
                    method: "POST",
                    headers: {{"content-type": "application/json", "authorization": "Bearer unused"}},
                    body: JSON.stringify({json.dumps(CHAT | {"stream": True, "max_tokens": 64})}),
                }});
                let pieces = 0, text = "";
                for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {{
                    pieces++;
                    text += piece;
                }}
                ({{status, url}} = answer);
                end = text.trimEnd().slice(-6);
                most = Math.max(most, pieces);
            }}
            console.log(JSON.stringify({{status, url, pieces: most, end}}));
        """
        done = subprocess.run(
            ["node", "--input-type=module", "--eval", program],
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(ca)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["status"], said["end"]) == (200, "[DONE]")
        assert said["url"].startswith(f"{BASE}/")
        assert said["pieces"] > 1
