"""Step `run`: run a one-shot to its end, and hand on what it prints last."""

import json
import re
from collections.abc import Iterable
from typing import Any

import docker

from engine.arguments import RunToEnd
from engine.client import begun, find, last_words, lines, say
from engine.errors import NeedsPerson
from engine.ready import limit_pids

_ITEM = re.compile(r"\w+ \d+/\d+: ")


def run_to_end(client: docker.DockerClient, args: RunToEnd) -> Any:
    """What the one-shot says in its last line of output, JSON. Raises NeedsPerson with its own message if it failed."""
    container = find(client, args.container)
    if container is None:
        raise NeedsPerson(f"The container {args.container} is gone. Run `pulumi refresh`, then the same command again.")
    limit_pids(client, container, args.pids)
    if container.status == "running":  # left running by a deployer that was killed: see it to its end
        say(f"{args.container} is running already")
    else:
        container.start()
    since = begun(container)
    _follow(lines(container.logs(stream=True, follow=True, since=since)))
    code = container.wait()["StatusCode"]
    if code:
        raise NeedsPerson(f"{args.container} failed with exit code {code}. {last_words(container, 5)}\n{args.advice}")
    # Read anew: a followed log may end before the last lines of a container that has just ended.
    printed = container.logs(stdout=True, stderr=False, since=since).decode()
    return json.loads(printed.strip().splitlines()[-1])


def _follow(printed: Iterable[str]) -> None:
    """Show the progress: the lines that count its work (`model 1/2: …`)."""
    for line in printed:
        if _ITEM.match(line):
            say(line)
