"""Step `pull`: run the one-shot `ollama-init` to its end and hand on the digests that it prints last."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import docker

from engine.client import find, last_words, lines, say
from engine.errors import NeedsPerson
from engine.ready import limit_pids

_PERCENT = re.compile(r"(\d+)%")
_SPEAK_EVERY = 10  # seconds


@dataclass(frozen=True, kw_only=True)
class Pull:
    container: str
    pids: int


def pull(client: docker.DockerClient, args: Pull) -> dict[str, str]:
    """Model name to digest. Raises NeedsPerson with the pull's own message if it failed."""
    container = find(client, args.container)
    if container is None:
        raise NeedsPerson(f"The container {args.container} is gone. Run `pulumi refresh`, then the same command again.")
    limit_pids(client, container, args.pids)
    if container.status == "running":  # left running by a deployer that was killed: see it to its end
        say(f"{args.container} is running already")
    else:
        container.start()
    container.reload()
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"])
    _follow(lines(container.logs(stream=True, follow=True, since=started.timestamp())))
    code = container.wait()["StatusCode"]
    if code:
        raise NeedsPerson(
            f"Pulling the models failed (exit code {code}). {last_words(container, 5)}\n"
            "Models that were there before are still served. Correct OLLAMA_MODELS or the registry, "
            "then run the same command again."
        )
    # Read anew: a followed log may end before the last lines of a container that has just ended.
    printed = container.logs(stdout=True, stderr=False, since=started.timestamp()).decode()
    digests: dict[str, str] = json.loads(printed.strip().splitlines()[-1])
    return digests


def _follow(printed: Iterable[str]) -> None:
    """Show the progress."""
    model, spoken = "", time.monotonic()
    for line in printed:
        percent = _PERCENT.findall(line)
        if line.startswith("model "):
            model = line.split(": ")[0]
            say(line)
        elif percent and time.monotonic() - spoken > _SPEAK_EVERY:
            say(f"{model}: {percent[-1]} %")
            spoken = time.monotonic()
