"""Flips under load: the results of all requests, and the time until the other colour answers."""

import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.benchmarks.contenders import BLUE, GREEN, Command, Contender
from tools.benchmarks.failed import Failed
from tools.lab.load.client import LoadClient, Mix, Result

ROOT = Path(__file__).parent.parent.parent
# Fifty kept connections, with the pauses of a browser, a connection pool and a cron job. One client opens a new
# connection every few milliseconds, to see a flip. A stream lasts longer than the time between two flips.
MIX = Mix(keepalive="10@5ms,20@1s,20@5s", fresh="2@100ms", get="1@5ms,2@100ms", stream="6@0s")
INTERVAL = 1.5  # seconds from the beginning of one flip to that of the next, if it is done by then
_FIRST = 2.0  # seconds of load before the first flip
_PATIENCE = 60  # seconds for one command
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One flip: the version that it made live, the start and the end of its command (Unix seconds), and the number of
    failed attempts before it."""

    to: str
    begin: float
    done: float
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Flipped:
    """All flips of a contender, in order, and all requests that clients sent meanwhile."""

    flips: Sequence[Flip]
    result: Result

    def waits(self, to: str) -> list[float]:
        """For every flip to a version, the seconds from the command's start to the version's first answer on a new
        connection, as a client sees it; infinite if there is none until the next flip."""
        gets = self.result.of("get").requests
        ends = [flip.begin for flip in self.flips[1:]] + [math.inf]
        return [
            min(
                (get.end for get in gets if get.version == to and flip.begin < get.start and get.end < until),
                default=math.inf,
            )
            - flip.begin
            for flip, until in zip(self.flips, ends, strict=True)
            if flip.to == to
        ]

    def wrong(self) -> Result:
        """The requests that began after a flip's command had ended and that the old colour answered before the next
        flip. Streams do not count: their time is that of their end, not of their answer."""
        answered = self.result.of("keepalive", "fresh", "get").requests
        ends = [flip.begin for flip in self.flips[1:]] + [math.inf]
        return Result(
            [
                request
                for flip, until in zip(self.flips, ends, strict=True)
                for request in answered
                if flip.done < request.start and request.end < until and request.version not in (flip.to, "")
            ]
        )


def flips(load: LoadClient, contender: Contender, count: int) -> Flipped:
    """Flip back and forth under load, `count` times. Raises Failed if a command fails again and again."""
    made: list[Flip] = []
    with load.run(contender.url, contender.ca, MIX) as running:
        time.sleep(_FIRST)
        for number in range(count):
            next_one = time.monotonic() + INTERVAL
            forth = number % 2 == 0
            begin = time.time()
            failed = _run(contender.forth if forth else contender.back)
            made.append(Flip(to=GREEN if forth else BLUE, begin=begin, done=time.time(), failed=failed))
            if not forth and contender.tidy:
                _run(contender.tidy)
            time.sleep(max(0.0, next_one - time.monotonic()))
    return Flipped(flips=made, result=running.end())


def _run(command: Command) -> int:
    """Run a command, and repeat it if it fails, as an operator would. Returns the number of failures."""
    for failed in range(_TRIES):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        if done.returncode == 0:
            return failed
        print(f"`{' '.join(command)}` failed: {done.stderr.strip()}", file=sys.stderr)
    raise Failed(f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
