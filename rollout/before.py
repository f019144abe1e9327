"""Step `before`: run the one-shot of a release, `api.before`, before any container of the release is made.

A release that has containers has passed it: neither a rollback to the standby nor an update that releases nothing runs
it again.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress

import docker
from docker.errors import APIError
from docker.models.containers import Container

from engine.client import begun, find, lines, say
from engine.errors import NeedsPerson, Undone
from engine.ready import limit_pids
from rollout.arguments import Before
from rollout.colours import find_colours, release_of


def before(client: docker.DockerClient, args: Before) -> None:
    """Show its log as it comes. Raises Undone, with its exit code, when it fails or takes too long."""
    container = find(client, args.container)
    if container is None:
        raise NeedsPerson(f"The container {args.container} is gone. Run `pulumi up --refresh`.")
    limit_pids(client, container, args.pids)
    for colour, replicas in find_colours(client, args.place.service).items():
        if replicas and release_of(replicas) == args.release:
            say(f"{args.container} is not run: {colour} has release {args.release} already")
            return
    code, late = _run(container, args.timeout)
    if late:
        raise Undone(f"{args.container} was ended: it has not come to its end in {args.timeout:.0f} s. {args.advice}")
    if code:
        raise Undone(f"{args.container} failed with exit code {code}; its log is above. {args.advice}")
    say(f"{args.container} has succeeded; release {args.release} may be made")


def _run(container: Container, timeout: float) -> tuple[int, bool]:
    """The exit code, and whether the time was up first. A run that an interrupted update has left is waited for."""
    if container.status != "running":
        container.start()
    since = begun(container)
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(APIError):
            container.kill()

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        shown = _show(container, container.logs(stream=True, follow=True, since=since))
        code = int(container.wait()["StatusCode"])
        # Read anew: a followed log may end before the last lines of a container that has just ended.
        _show(container, [container.logs(since=since)], but=shown)
        return code, late.is_set()
    finally:
        timer.cancel()


def _show(container: Container, log: Iterable[bytes], but: int = 0) -> int:
    """Show the lines of a log `but` for the first ones, which are shown already; return how many there are."""
    number = 0
    for number, line in enumerate(filter(str.strip, lines(log)), 1):
        if number > but:
            say(f"{container.name}: {line}")
    return number
