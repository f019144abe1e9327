"""`python -m ops up|preview|release|down --stack NAME`."""

import argparse
import json
import sys

from components.stack_file import read_stack
from engine.errors import RolloutError
from ops import pulumi
from ops.ask import NoAnswer, ask, wait_for_certificate
from ops.ports import taken
from ops.recover import finish_interrupted, wait_for_other
from settings import Settings, SettingsError
from tools.toolchain.problems import Problem


class Stopped(Exception):
    """The command cannot go on; the message says why and what to do."""


def up(stack: str) -> None:
    """Deploy the stack, ask its model a question through the edge, and say what to try next."""
    settings = read_stack(stack)
    wait_for_other(stack)
    if not _made(stack):
        finish_interrupted(stack)
    if ports := taken(settings):
        raise Stopped(
            f"Port {' and port '.join(map(str, ports))} on {settings.edge.bind} is in use by another program; "
            f"nothing was changed. Stop it, or set edge.httpPort and edge.httpsPort in Pulumi.{stack}.yaml."
        )
    pulumi.show("up", "--yes", "--skip-preview", "--stack", stack)
    made = pulumi.outputs(stack)
    if settings.edge.proxy_protocol:
        print("\nNothing was asked through the edge: it speaks to its load balancer alone (edge.proxyProtocol).")
    elif (key := _key(stack, settings)) is None:
        print("\nNothing was asked through the edge: no API key is issued that may ask (docs/operations.md, API keys).")
    else:
        if acme := settings.edge.tls.acme:
            wait_for_certificate(settings, made["url"], acme.directory)
        ask(settings, made["url"], made["ca"], key)
    print(_next_steps(stack, made["url"]))


def preview(stack: str) -> None:
    """Show what a deployment would change."""
    read_stack(stack)
    wait_for_other(stack)
    _made(stack)
    pulumi.show("preview", "--stack", stack)


def release(stack: str, tag: str) -> None:
    """Set IMAGE_TAG, to `tag` or to the tag of the API image built from this checkout, and deploy."""
    settings = read_stack(stack)
    if not tag:
        if settings.profile == "production":
            raise Stopped(
                f"Say which build to release: `make deploy STACK={stack} TAG=<tag>`. "
                f"It must be in {settings.api.image} already; nothing was changed."
            )
        from tools.toolchain.images import ensure

        tag = ensure(["api"])["api"].rsplit(":", 1)[-1]
    _made(stack)
    pulumi.read("config", "set", "IMAGE_TAG", tag, "--stack", stack)
    print(f"IMAGE_TAG of {stack} is {tag} now.")
    up(stack)


def down(stack: str) -> None:
    """Remove everything of the stack from the host, but what it was told to keep."""
    wait_for_other(stack)
    if not pulumi.exists(stack):
        print(f"There is no stack {stack}.")
        return
    finish_interrupted(stack)
    pulumi.show("destroy", "--yes", "--skip-preview", "--stack", stack)


def _made(stack: str) -> bool:
    """Make the stack in the backend if it is not there yet; whether it was made now."""
    if pulumi.exists(stack):
        return False
    pulumi.read("stack", "init", stack)
    return True


def _key(stack: str, settings: Settings) -> str | None:
    """A value of the first API key that may ask for everything: empty where the edge needs none, None if there is none.
    It is encrypted in the stack's file, and whoever may deploy the stack may read it."""
    if settings.edge.api_keys is None:
        return ""
    configured = json.loads(pulumi.read("config", "get", "edge", "--stack", stack))["apiKeys"]
    for key in configured.values():
        if key["keys"] and not key.get("paths"):
            return str(key["keys"][0])
    return None


def _next_steps(stack: str, url: str) -> str:
    named = "" if stack == "dev" else f" STACK={stack}"
    return f"""
{stack} is up at {url}. Try next:
  make status{named}      which colour is live, what runs, what is in flight
  make deploy{named}      build images/api and release it without losing a request
  make rollback{named}    back to the release before, in under a second
  make down{named}        remove everything again
With `eval "$(make -s env)"` a plain `pulumi preview --stack {stack}` works in this shell, and
  curl --cacert <(pulumi stack output ca --stack {stack}) {url}/v1/models"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    parser.add_argument("command", choices=["up", "preview", "release", "down"])
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--tag", default="", help="release: the tag to deploy instead of building images/api")
    args = parser.parse_args()
    try:
        if args.command == "up":
            up(args.stack)
        elif args.command == "preview":
            preview(args.stack)
        elif args.command == "release":
            release(args.stack, args.tag)
        else:
            down(args.stack)
    except NoAnswer as error:
        print(
            f"\nThe stack is deployed, but the question was not answered: {error}\nLook at `make status`.",
            file=sys.stderr,
        )
        return 1
    except (Stopped, Problem, SettingsError, pulumi.PulumiFailed, RolloutError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
