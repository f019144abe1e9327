"""A client that streams completions beside a test, and how each stream has ended."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

WHOLE = "whole"


@contextmanager
def streaming(
    base: str, ca: Path, model: str, tokens: int, headers: Mapping[str, str] | None = None
) -> Iterator[list[str]]:
    """Stream one completion after another until the block ends. Gives how each has ended: `WHOLE`, or what is wrong."""
    ends: list[str] = []
    stop = threading.Event()
    body = {"model": model, "stream": True, "max_tokens": tokens, "messages": [{"role": "user", "content": "a"}]}

    def follow() -> None:
        while not stop.is_set():
            try:
                answer = requests.post(
                    f"{base}/v1/chat/completions", json=body, headers=headers, stream=True, verify=str(ca), timeout=60
                )
                text = answer.text
            except requests.RequestException as error:
                ends.append(str(error))
                continue
            whole = answer.status_code == 200 and text.rstrip().endswith("[DONE]")
            ends.append(WHOLE if whole else f"{answer.status_code}: {text[-200:]}")

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield ends
    finally:
        stop.set()
        thread.join()
