"""`python -m tools.audit [CHECK...]`: run these checks, or all. The exit code is 1 if a check fails.

A run of all checks also writes the results into docs/security.md.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from types import FrameType

from tools.audit import checks, report, tools
from tools.audit.stack import Target, deployed
from tools.audit.verdict import Verdict, verdict
from tools.toolchain import cache, paths
from tools.toolchain.problems import Problem

_INTERRUPTED = 130
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    options = _parser().parse_args()
    every = [*checks.OF_FILES, *checks.OF_STACK]
    wanted = options.checks or every
    if unknown := [name for name in wanted if name not in every]:
        print(
            f"There is no check {', '.join(unknown)}. There are: {', '.join(every)}. Nothing was run.", file=sys.stderr
        )
        return 2
    for ending in _ENDINGS:
        signal.signal(ending, _stop)
    try:
        with cache.lock(
            paths.cache() / "security.lock", lambda pid: _say(f"waiting for another audit (process {pid})")
        ):
            verdicts = _run(wanted)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The audit's stack is removed. Downloads and builds stay in the cache.", file=sys.stderr)
        return _INTERRUPTED
    report.show(verdicts)
    if wanted == every:
        report.write(verdicts)
    return 0 if all(one.passed for one in verdicts.values()) else 1


def _run(wanted: Iterable[str]) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    with ExitStack() as running:
        target: Target | None = None
        for name in wanted:
            if name in checks.OF_STACK and target is None:
                tools.scanners()
                _say("deploying the stack that is audited (two releases, up to two minutes)")
                target = running.enter_context(deployed())
            began = time.monotonic()
            verdicts[name] = _one(name, target)
            word = "passed" if verdicts[name].passed else "FAILED"
            _say(f"{name}: {word} after {time.monotonic() - began:.0f} s")
        if target:
            _say("removing the stack")
    return verdicts


def _one(name: str, target: Target | None) -> Verdict:
    """Run one check. A check also fails if it cannot read its tool's output."""
    try:
        if name in checks.OF_FILES:
            return checks.OF_FILES[name]()
        assert target is not None
        return checks.OF_STACK[name](target)
    except (ArithmeticError, AssertionError, LookupError, OSError, ValueError, subprocess.SubprocessError) as error:
        # If the clean-up failed too, the first error explains it.
        errors = [f"{type(one).__name__}: {one}" for one in (error.__context__, error) if one]
        return verdict(name, "the check runs to its end", "no result", errors)


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop at the first signal. A second one (make sends one too) must not stop the stack's removal."""
    del number, frame
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"security: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.audit", description=__doc__)
    names = ", ".join((*checks.OF_FILES, *checks.OF_STACK))
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"of {names}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
