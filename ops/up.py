"""`up`: deploy the stack, ask its model a question through the edge, and say what to try next."""

import json
from collections.abc import Mapping

from components.stack_file import read_stack
from engine.client import connect
from ops import pulumi
from ops.ask import ask, request, wait_for_certificate
from ops.bring import bring
from ops.lock import wait_for_other
from ops.recover import finish_interrupted
from rollout.stack import engine_of
from settings import Settings
from settings.references import reference
from settings.scalars import decoded, known
from stores.fetch import fetch


def up(stack: str) -> None:
    """Raises PulumiFailed, or NoAnswer when the question is not answered."""
    settings = read_stack(stack)
    wait_for_other(stack)
    if not pulumi.make(stack):
        finish_interrupted(stack)
    bring(settings, engine_of(stack))
    pulumi.show("up", stack, "--yes", "--skip-preview")
    made = pulumi.outputs(stack)
    _ask(stack, settings, made["url"], made["ca"])
    print(_next_steps(stack, made["url"], made["endpoints"]))


def _ask(stack: str, settings: Settings, url: str, ca: str) -> None:
    """Ask the question, where there is a way in for this machine."""
    if settings.edge.proxy_protocol:
        print("\nNothing was asked through the edge: it speaks to its load balancer alone (edge.proxyProtocol).")
        return
    key = _key(stack, settings)
    if key is None:
        print("\nNothing was asked through the edge: no API key is issued that may ask, or none that can be read here.")
        print("See docs/operations.md, API keys.")
        return
    if acme := settings.edge.tls.acme:
        wait_for_certificate(settings, url, acme.directory)
    ask(settings, url, ca, request(settings, connect(engine_of(stack))), key)


def _key(stack: str, settings: Settings) -> str | None:
    """A value of the first API key that may ask for everything: empty where the edge needs none, None if there is none.
    It is encrypted in the stack's file or is in a store, and whoever may deploy the stack may read it."""
    if settings.edge.api_keys is None:
        return ""
    configured = json.loads(pulumi.read("config", "get", "edge", "--stack", stack))["apiKeys"]
    for key in configured.values():
        if key["keys"] and not key.get("paths") and (value := _value(settings, key["keys"][0])):
            return value
    return None


def _value(settings: Settings, written: object) -> str | None:
    found = decoded(written)
    if not isinstance(found, dict):
        return str(found)
    wanted = reference(found)
    return known(fetch(settings.secrets, [wanted]).values.get(wanted))


def _next_steps(stack: str, url: str, pages: Mapping[str, str]) -> str:
    named = "" if stack == "dev" else f" STACK={stack}"
    seen = "\n".join(f"  {page:<20} {address}" for page, address in pages.items())
    looks = f"\nOn the stack's host, in a browser:\n{seen}" if seen else ""
    return f"""
{stack} is up at {url}. Try next:
  make status{named}      which colour is live, what runs, what is in flight
  make deploy{named}      build images/api and release it without losing a request
  make rollback{named}    back to the release before, in under a second
  make down{named}        remove everything again{looks}
With `eval "$(make -s env)"` a plain `pulumi preview --stack {stack}` works in this shell, and
  curl --cacert <(pulumi stack output ca --stack {stack}) {url}/v1/models"""
