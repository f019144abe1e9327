"""The commands of `python3 -m tools.toolchain`.

A command imports what it needs when it runs. `run` starts every rollback, so it must not load the others' modules.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from tools.toolchain import environment, problems

_INTERRUPTED = 130
_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. A Problem shows its message, without a traceback."""
    options = _parser().parse_args(arguments)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    try:
        return int(options.command(options))
    except problems.Problem as problem:
        print(problem, file=sys.stderr)
        return _FAILED
    except OSError as error:
        message = problems.from_os_error(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("Interrupted. Finished parts stay. Run the same command again; it continues.", file=sys.stderr)
        return _INTERRUPTED


def _setup(options: argparse.Namespace) -> int:
    from tools.toolchain import prepare

    prepare.prepare(dev=options.dev, tools_only=options.tools_only)
    return 0


def _env(options: argparse.Namespace) -> int:
    del options
    environment.prepare_state()
    print(environment.exports(environment.variables(os.environ, environment.installed())), end="")
    return 0


def _run(options: argparse.Namespace) -> int:
    if options.python:
        _replace_with(options.words, os.environ | environment.python_alone(os.environ))
    environment.prepare_state()
    _replace_with(options.words, os.environ | environment.variables(os.environ, environment.installed()))
    raise AssertionError("exec does not return")


def _once(options: argparse.Namespace) -> int:
    from tools.toolchain import engine, prepare

    ours_before = engine.is_ours(engine.home())
    try:
        prepare.prepare(dev=options.dev)
        return _wait_for(options.words, os.environ | environment.variables(os.environ, environment.installed()))
    finally:
        if not ours_before and engine.is_ours(engine.home()):
            print(engine.stop(engine.Roots(), engine.home()), file=sys.stderr)


def _stop(options: argparse.Namespace) -> int:
    from tools.toolchain import engine

    del options
    print(engine.stop(engine.Roots(), engine.home()))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from tools.toolchain import doctor

    del options
    return doctor.report()


def _wait_for(words: list[str], variables: dict[str, str]) -> int:
    with subprocess.Popen(words, env=variables) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    return code if code >= 0 else 128 - code


def _replace_with(words: list[str], variables: dict[str, str]) -> None:
    sys.stdout.flush()
    try:
        os.execvpe(words[0], words, variables)
    except FileNotFoundError:
        raise problems.Problem(f"{words[0]}: no such command in this project's environment. Nothing was run.") from None


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tools.toolchain", description="Sets this machine up.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    setup = commands.add_parser("setup", help="install what is missing: Python packages, Pulumi, an engine, images")
    setup.add_argument("--dev", action="store_true", help="also what tests and linters need")
    setup.add_argument("--tools-only", action="store_true", help="no engine and no images: for stacks on other hosts")
    setup.set_defaults(command=_setup)

    once = commands.add_parser("once", help="set up, run a command, and stop the engine if this command started it")
    once.add_argument("--dev", action="store_true", help="also what tests and linters need")
    once.add_argument("words", nargs="+", metavar="CMD", help="the command, after `--`")
    once.set_defaults(command=_once)

    run = commands.add_parser("run", help="run a command in the environment of the setup")
    run.add_argument("--python", action="store_true", help="with the Python packages alone, without Pulumi: quick")
    run.add_argument("words", nargs="+", metavar="CMD", help="the command, after `--`")
    run.set_defaults(command=_run)

    env = commands.add_parser("env", help='print that environment, for eval "$(make -s env)"')
    env.set_defaults(command=_env)
    look = commands.add_parser("doctor", help="show what the machine has, what it lacks, and what to do")
    look.set_defaults(command=_doctor)
    stop = commands.add_parser("stop", help="stop the Docker engine if this project started it and no container runs")
    stop.set_defaults(command=_stop)
    return parser
