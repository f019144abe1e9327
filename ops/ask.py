"""One real request through the edge after a deployment: a question to the model, its answer shown as it comes.

A backend that is not asked for completions at the gate (api.smoke) is not asked for one here: it gets that request.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import docker
import requests

from components.bluegreen import asked
from rollout.arguments import Smoke
from rollout.smoke import of_a_model
from settings import Settings

COMPLETIONS = "/v1/chat/completions"
QUESTION = "What is the capital of France?"

FIRST_CERTIFICATE = 120
"""Seconds that an authority may take to issue a certificate."""

_QUESTION = {
    "stream": True,
    "temperature": 0,
    "max_tokens": 64,
    "messages": [{"role": "user", "content": QUESTION}],
}


class NoAnswer(Exception):
    """The edge is up, but the question was not answered."""


def wait_for_certificate(settings: Settings, url: str, authority: str) -> None:
    """Wait until the edge shows a certificate that this machine trusts, as the first one of an authority takes a while.

    Raises NoAnswer if it does not come within FIRST_CERTIFICATE seconds.
    """
    deadline = time.monotonic() + FIRST_CERTIFICATE
    said = False
    while True:
        try:
            requests.get(f"{url}/", timeout=5)
            return
        except requests.exceptions.SSLError as error:
            reason = error
        except requests.RequestException as error:
            raise NoAnswer(f"{error}{_through_proxy(url)}") from None
        if time.monotonic() > deadline:
            raise NoAnswer(
                f"after {FIRST_CERTIFICATE} s the edge shows no certificate for {settings.edge.hostname} that this "
                f"machine trusts. `docker logs {settings.stack}-acme` tells what {authority} said; it is asked again "
                f"and again, and nothing else is amiss. ({reason}){_through_proxy(url)}"
            )
        if not said:
            print(f"\nWaiting for the first certificate for {settings.edge.hostname} from {authority}.", flush=True)
            said = True
        time.sleep(1)


def request(settings: Settings, client: docker.DockerClient) -> Smoke | None:
    """The request of the gate, which asks a model that can answer it; None for none."""
    smoke = settings.api.smoke
    return of_a_model(client, Smoke(**smoke.model_dump()), asked(settings)) if smoke else None


def ask(settings: Settings, url: str, ca: str, smoke: Smoke | None, key: str = "") -> None:
    """Print the answer as it arrives. `key` is for an edge that needs one. Raises NoAnswer when the request fails, or
    when its answer does not end as it should."""
    if smoke is None:
        print("\nNothing was asked through the edge: api.smoke is off.")
        return
    if not smoke.path.startswith(settings.api.paths):
        print(f"\nNothing was asked through the edge: {smoke.path} is none of its api.paths.")
        return
    begin = time.monotonic()
    if smoke.path == COMPLETIONS:
        model = _model(smoke) or settings.ollama_models[0].reference
        print(f"\n{model}, asked through {url}: {QUESTION}\n  ", end="", flush=True)
        with _sent("POST", url + COMPLETIONS, ca, json.dumps({"model": model, **_QUESTION}), key) as answer:
            first = _print_tokens(answer, begin)
        print(f"\n  (first token after {first:.1f} s, whole answer after {time.monotonic() - begin:.1f} s)")
        return
    print(f"\n{smoke.method} {url}{smoke.path}: ", end="", flush=True)
    with _sent(smoke.method, url + smoke.path, ca, smoke.body, key) as answer:
        if smoke.expect not in answer.text:
            raise NoAnswer(f"the answer does not contain {smoke.expect!r}")
        print(f"{answer.status_code} {answer.reason}, whole answer after {time.monotonic() - begin:.1f} s")


def _model(smoke: Smoke) -> str:
    """The model that a completion names; empty for none."""
    try:
        return str(json.loads(smoke.body)["model"])
    except (ValueError, KeyError, TypeError):
        return ""


@contextmanager
def _sent(method: str, url: str, ca: str, body: str, key: str) -> Iterator[requests.Response]:
    """The answer to a request, its body still to come."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as trusted:
        trusted.write(ca)
        trusted.flush()
        try:
            with requests.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json", **({"X-Api-Key": key} if key else {})},
                stream=True,
                timeout=(5, 300),
                verify=trusted.name if ca else True,
            ) as answer:
                if not answer.ok:
                    raise NoAnswer(f"{answer.status_code} {answer.reason}: {answer.text.strip()}")
                yield answer
        except requests.RequestException as error:
            raise NoAnswer(f"{error}{_through_proxy(url)}") from None


def _through_proxy(url: str) -> str:
    """A sentence on the proxy of a request that failed; empty where there is none. Its address may hold a password."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not proxy:
        return ""
    names = [name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value == proxy]
    host = urlsplit(url).hostname
    return f"\nThe request went through the proxy of {' or '.join(names)}. For a direct way, add {host} to no_proxy."


def _print_tokens(answer: requests.Response, begin: float) -> float:
    """Print a streamed completion; gives the seconds to its first token."""
    first = 0.0
    for line in answer.iter_lines(decode_unicode=True):
        if line == "data: [DONE]":
            return first
        if line.startswith("data: "):
            first = first or time.monotonic() - begin
            print(_text(json.loads(line[6:])), end="", flush=True)
    raise NoAnswer("the stream ended before it was complete")


def _text(chunk: dict[str, Any]) -> str:
    """The text of one chunk; the last one may carry usage and no choice."""
    return "".join(choice.get("delta", {}).get("content") or "" for choice in chunk.get("choices", []))
