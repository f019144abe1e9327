"""`python -m tools.benchmarks`: this project's flip, plain nginx reload and HAProxy's runtime socket, side by side."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import docker
from docker.errors import APIError
from rich.console import Console
from rich.table import Table

from engine.address import of_user
from engine.client import connect, say
from engine.errors import NeedsPerson
from tools.benchmarks import cost, cost_report, flips, host, machine, report, speed
from tools.benchmarks.contenders import Contender, haproxy, nginx_reload, this_project
from tools.benchmarks.failed import Failed
from tools.lab.backend import image
from tools.lab.load.client import LoadClient

_INTERRUPTED = 130
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SETTLED = 3.0  # seconds without anything new, after which what was interrupted makes nothing more


def main(words: list[str] | None = None) -> int:
    """Run the benchmark; returns its exit code."""
    options = _parser().parse_args(words)
    for ending in _ENDINGS:
        signal.signal(ending, _interrupt)
    try:
        os.environ["DOCKER_HOST"] = of_user()  # the rollout's commands find no file of the stack here
        engine = connect(of_user())
        if options.clean:
            host.sweep(engine)
        else:
            _benchmark(engine, options)
    except (Failed, NeedsPerson) as failure:
        print(failure, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failure:
        print(f"`{' '.join(failure.cmd)}` failed; its message is above. {_REMOVED}", file=sys.stderr)
        return 1
    except APIError as error:
        print(f"The engine refused: {error.explanation or error}\n{_REMOVED}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Interrupted. {_REMOVED}", file=sys.stderr)
        return _INTERRUPTED
    return 0


def _benchmark(engine: docker.DockerClient, options: argparse.Namespace) -> None:
    begin = cost_report.BEGIN if options.monitoring else report.BEGIN
    _must_be_possible(engine, options.into, begin)
    started = time.monotonic()

    def progress(text: str) -> None:
        say(f"[{time.monotonic() - started:4.0f} s] {text}")

    with tempfile.TemporaryDirectory(prefix=host.PREFIX, ignore_cleanup_errors=True) as folder:
        try:
            measure = _cost if options.monitoring else _comparison
            table, text = measure(engine, options, Path(folder), progress)
        finally:
            _remove(engine)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if options.into:
        report.write(text, options.into, begin)
        progress(f"written into {options.into}")


def _cost(
    engine: docker.DockerClient, options: argparse.Namespace, folder: Path, progress: Callable[[str], None]
) -> tuple[Table, str]:
    busy = os.getloadavg()[0]
    progress("building the load client and the backend")
    load = LoadClient(folder)
    repository = image.build(engine, f"{host.PREFIX}backend")
    progress("deploying the whole stack, and measuring it with its monitoring and without")
    found = cost.cost(engine, folder, repository, load, options.seconds or cost.SECONDS)
    return cost_report.table(found), cost_report.markdown(found, _command(), machine.describe(engine, busy))


def _comparison(
    engine: docker.DockerClient, options: argparse.Namespace, folder: Path, progress: Callable[[str], None]
) -> tuple[Table, str]:
    results = _run(engine, options, folder, progress)
    return report.table(results), report.markdown(results)


def _run(
    engine: docker.DockerClient, options: argparse.Namespace, folder: Path, progress: Callable[[str], None]
) -> report.Results:
    busy = os.getloadavg()[0]
    progress("building the load client and the backend")
    load = LoadClient(folder)
    repository = image.build(engine, f"{host.PREFIX}backend")
    progress("deploying a stack, and releasing both versions of the backend to it")
    own, backends = this_project.deploy(engine, folder, repository)
    progress("starting the others before the same backends")
    contenders = [own, *_others(engine, backends, folder)]
    flipped = {}
    for contender in contenders:
        progress(f"{contender.name}: {options.flips} flips under load")
        flipped[contender.name] = flips.flips(load, contender, options.flips)
    progress("speed without flips, all in turn")
    live = {name: made.flips[-1].to for name, made in flipped.items()}
    found = speed.speeds(load, contenders, live, backends, options.seconds or speed.SECONDS)
    return report.Results(
        command=_command(),
        machine=machine.describe(engine, busy),
        contenders=contenders,
        flipped=flipped,
        speed=found,
    )


def _command() -> str:
    return " ".join(["python -m tools.benchmarks", *sys.argv[1:]])


def _others(engine: docker.DockerClient, backends: host.Backends, folder: Path) -> list[Contender]:
    certificate, ca = host.certificate(folder)
    plain, patient, balancer = host.PORTS[2:5]
    return [
        nginx_reload.begin(engine, backends, certificate, ca, plain),
        nginx_reload.begin(engine, backends, certificate, ca, patient, min_timeout="10s"),
        haproxy.begin(engine, backends, certificate, ca, balancer),
    ]


def _must_be_possible(engine: docker.DockerClient, into: Path | None, begin: str) -> None:
    for tool in ("go", "pulumi", "docker"):
        if shutil.which(tool) is None:
            raise Failed(f"The benchmark needs {tool} in PATH. Nothing was started. Run it as `make bench`.")
    if into:
        report.check(into, begin)
    if there := host.found(engine):
        raise Failed(
            f"The engine has {', '.join(there[:3])}{' and more' if there[3:] else ''} already: another run is under "
            "way, or one was killed. Nothing was started. `python -m tools.benchmarks --clean` removes all that is "
            f"named {host.PREFIX}*."
        )


def _remove(engine: docker.DockerClient) -> None:
    """Remove everything, whatever comes; what `pulumi` was making when it was interrupted may come late."""
    interrupted = sys.exc_info()[0] is not None
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    host.sweep(engine)
    while interrupted:
        time.sleep(_SETTLED)
        if not host.found(engine):
            break
        host.sweep(engine)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks",
        description="Compare ways to flip between two backends, under load, in one run.",
    )
    parser.add_argument("--flips", type=_count, default=40, help="flips of each contender (default: 40)")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        help=f"length of each measurement of speed (default: 1; with --monitoring: {cost.SECONDS:.0f})",
    )
    parser.add_argument(
        "--monitoring", action="store_true", help="measure instead what the stack's monitoring costs, in ten rounds"
    )
    parser.add_argument("--into", type=Path, metavar="FILE", help="write the table between the markers of FILE, too")
    parser.add_argument("--clean", action="store_true", help="remove what a killed run has left, and do nothing else")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f'"{text}" is no number from 2 on: one flip there, and one back')
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of seconds from 0.1 to 60')
    return seconds


_REMOVED = f"All that was made on the engine, named {host.PREFIX}*, is removed again."

if __name__ == "__main__":
    sys.exit(main())
