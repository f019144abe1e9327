"""One real question through the edge, its answer shown as it comes."""

import json
import tempfile
import time
from typing import Any

import requests

QUESTION = "What is the capital of France?"


class NoAnswer(Exception):
    """The edge is up, but the question was not answered."""


def ask(url: str, ca: str, model: str) -> None:
    """Print the answer's tokens as they arrive. Raises NoAnswer when it fails or does not end as it should."""
    print(f"\n{model}, asked through {url}: {QUESTION}\n  ", end="", flush=True)
    begin = time.monotonic()
    first = 0.0
    ended = False
    body = {
        "model": model,
        "stream": True,
        "temperature": 0,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as trusted:
        trusted.write(ca)
        trusted.flush()
        try:
            with requests.post(
                f"{url}/v1/chat/completions",
                json=body,
                stream=True,
                timeout=(5, 300),
                verify=trusted.name if ca else True,
            ) as answer:
                if not answer.ok:
                    raise NoAnswer(f"{answer.status_code} {answer.reason}: {answer.text.strip()}")
                for line in answer.iter_lines(decode_unicode=True):
                    if line == "data: [DONE]":
                        ended = True
                    elif line.startswith("data: "):
                        first = first or time.monotonic() - begin
                        print(_text(json.loads(line[6:])), end="", flush=True)
        except requests.RequestException as error:
            raise NoAnswer(str(error)) from None
    if not ended:
        raise NoAnswer("the stream ended before it was complete")
    print(f"\n  (first token after {first:.1f} s, whole answer after {time.monotonic() - begin:.1f} s)")


def _text(chunk: dict[str, Any]) -> str:
    """The text of one chunk; the last one may carry usage and no choice."""
    return "".join(choice.get("delta", {}).get("content") or "" for choice in chunk.get("choices", []))
