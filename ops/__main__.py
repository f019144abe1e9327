"""`python -m ops VERB [--stack NAME]`."""

import argparse
import os
import sys

from docker.errors import APIError

from engine.client import say
from engine.errors import CommandError
from engine.output import while_read
from ops.ask import NoAnswer
from ops.compose import compose
from ops.containers import containers
from ops.down import down
from ops.drift import FOUND, drift
from ops.loopback import unproxied
from ops.mirror import mirror
from ops.new_stack import new_stack
from ops.pin import pin
from ops.preview import preview
from ops.pulumi import PulumiFailed
from ops.recover import recover
from ops.release import release
from ops.up import up
from settings import SettingsError


def main(words: list[str] | None = None) -> int:
    """Run one verb; 0 if it was done, FOUND if `drift` has found something."""
    args = _parser().parse_args(words)
    os.environ.update(unproxied(os.environ))  # for pulumi, and for the question of `up`
    try:
        if args.verb == "drift":
            return FOUND if drift(args.stack) else 0
        _run(args)
    except NoAnswer as error:
        return _say(f"\nThe stack is deployed, but the question was not answered: {error}\nLook at `make status`.")
    except (SettingsError, PulumiFailed, CommandError) as error:
        return _say(str(error))
    except APIError as error:
        return _say(f"The engine refused: {error.explanation or error}. Run the same command again to continue.")
    except BrokenPipeError:  # of the output; the engine's client wraps its own
        raise
    except OSError as error:  # also the engine's client: its errors are those of requests
        return _say(f"The command could not go on: {error}. Run it again to continue.")
    except KeyboardInterrupt:
        _say("\nInterrupted. Run the same command again to continue.")
        return 130
    return 0


def _run(args: argparse.Namespace) -> None:
    match args.verb:
        case "up":
            up(args.stack)
        case "preview":
            preview(args.stack)
        case "release":
            release(args.stack, args.tag)
        case "down":
            down(args.stack)
        case "new-stack":
            new_stack(args.name)
        case "pin":
            pin(args.stack, move=args.move)
        case "recover":
            recover(args.stack)
        case "mirror":
            mirror(args.stack, args.model, args.source)
        case "compose":
            compose(args.stack, write=args.write)
        case "containers":
            containers(args.stack, write=args.write)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops", description="What a person does around Pulumi.")
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("--stack", default=os.environ.get("STACK", "dev"), help="default: STACK, or dev")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text, parents=[stack])

    verb("up", "Deploy the stack, and ask its model a question.")
    verb("preview", "Show what a deployment would change.")
    verb("release", "Deploy a build of the API.").add_argument(
        "--tag", default="", help="the build to deploy; without it images/api is built"
    )
    verb("down", "Remove everything of the stack.")
    verb("compose", "Show the stack as a Docker Compose file.").add_argument(
        "--write", action="store_true", help="write it into docker-compose.<stack>.yml instead"
    )
    verb("containers", "Show what a stack runs, and who can open which port.").add_argument(
        "--write", action="store_true", help="write the tables into docs/containers.md instead"
    )
    fill = verb("mirror", "Add a model to the stack's mirror, for sites without internet.")
    fill.add_argument("model", help="name:tag, with @sha256:<digest> to make sure which")
    fill.add_argument(
        "--from",
        dest="source",
        default="~/.ollama/models",
        help="a folder of models, or a container of Ollama on the stack's engine (default: %(default)s)",
    )
    verb("drift", "Show what differs on the host from the last update, and how to mend it.")
    verb("new-stack", "Write the configuration file of a new stack.").add_argument("name", help="its name")
    verb("pin", "Ask the registries for the digests of a stack's images.").add_argument(
        "--move", action="store_true", help="write a digest that differs from that of the file, too"
    )
    verb("recover", "Clear up after a deployment that was killed.")
    return parser


def _say(text: str) -> int:
    say(text)
    return 1


if __name__ == "__main__":
    with while_read(sys.stdout):
        sys.exit(main())
