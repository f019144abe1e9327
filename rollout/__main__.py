"""The command line of the rollout: `python -m rollout <command>`.

What a command needs is imported when it runs: a rollback has no time for the rest.
"""

import argparse
import os
import sys

from engine.client import say
from engine.errors import CommandError, NeedsPerson, of_engine
from engine.output import while_read
from rollout.hint import for_stack


def main(words: list[str] | None = None) -> int:
    """Run one command; returns its exit code (engine/errors.py)."""
    args = _parser().parse_args(words)
    try:
        _run(args)
    except CommandError as error:
        say(str(error) if args.command == "step" else for_stack(str(error), args.stack))
        return error.code
    except KeyboardInterrupt:
        shows = "`python -m rollout status` shows how far it came; the same command goes on."
        say(f"Interrupted. {shows if args.command == 'step' else for_stack(shows, args.stack)}")
        return NeedsPerson.code
    except BrokenPipeError:  # of the output; the engine's client wraps its own
        raise
    except OSError as error:
        say(str(of_engine(error)))
        return NeedsPerson.code
    return 0


def _run(args: argparse.Namespace) -> None:
    if args.command == "step":
        from rollout import steps

        return steps.run(args.name)
    from rollout.stack import open_stack

    stack = open_stack(args.stack)
    if args.command == "status":
        from rollout import status

        found = status.look(stack)
        return print(status.as_json(found)) if args.json else status.show(found)
    from rollout import commands

    match args.command:
        case "rollback":
            commands.rollback(stack)
        case "promote":
            commands.promote(stack)
        case "flip":
            commands.flip_to(stack, args.to)
        case "allow":
            commands.allow(stack, args.release)
        case "repair":
            commands.repair(stack)
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rollout",
        description="Releases of a stack: look at them, and act on them at once.",
        epilog="Exit codes: 0 done, 2 usage or settings, 3 refused (nothing changed), 4 failed and undone, "
        "5 failed and needs a person.",
    )
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("--stack", default=os.environ.get("STACK", "dev"), help="default: STACK, or dev")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[stack])

    command("status", "What is live, and what each colour runs.").add_argument("--json", action="store_true")
    command("rollback", "Make the standby live again, and reject the release that was live.")
    command("promote", "Make the release live that waits behind the gate (rollout.promote: manual).")
    command("flip", "Make a colour live; rejects nothing.").add_argument(
        "--to", choices=("blue", "green"), required=True
    )
    command("allow", "Let a rejected release go live again.").add_argument("release", metavar="RELEASE")
    command("repair", "Make the journal agree with the marker and the containers.")
    step = commands.add_parser("step", help="Run a step of a deployment, as `pulumi up` does.")
    step.add_argument("name", metavar="NAME")
    return parser


if __name__ == "__main__":
    with while_read(sys.stdout):
        sys.exit(main())
