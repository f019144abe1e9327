"""Step `ready`: finish a container that the provider has made, and wait until its health check passes.

The PID limit is set here because the provider has no input for it; `docker update` keeps it over restarts. The health
check is run at once and every half second: Docker itself first asks after a whole interval.
"""

import time
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from engine.arguments import Ready
from engine.client import execute, find, last_words, say
from engine.errors import NeedsPerson


def ready(client: docker.DockerClient, args: Ready) -> None:
    """Raises NeedsPerson when the container ends or the time is up first."""
    container = find(client, args.container)
    if container is None:
        raise NeedsPerson(f"The container {args.container} is gone. Run `pulumi refresh`, then the same command again.")
    limit_pids(client, container, args.pids)
    if not args.test:
        return
    begin = time.monotonic()
    said = begin
    while True:
        container.reload()
        if container.status not in ("created", "running"):
            _fail(container, "ended before it was healthy")
        result = execute(container, args.test) if container.status == "running" else None
        now = time.monotonic()
        if result and result.code == 0:
            say(f"{container.name}: healthy after {now - begin:.1f} s")
            return
        if now - begin > args.timeout:
            _fail(container, f"is not healthy after {args.timeout:.0f} s")
        if now - said > 10:
            say(f"{container.name}: not healthy yet, {now - begin:.0f} of {args.timeout:.0f} s")
            said = now
        time.sleep(0.5)


def limit_pids(client: docker.DockerClient, container: Container, pids: int) -> None:
    """Set the PID limit: the one field of the engine's update call that the SDK does not offer.

    The engine refuses while a container is ending; of one that has ended it notes the limit for the next start.
    """
    api: Any = client.api
    for last in (False, False, False, True):
        try:
            asked = api._post_json(api._url("/containers/{0}/update", container.id), data={"PidsLimit": pids})
            api._raise_for_status(asked)
            return
        except APIError:
            if last:
                raise
            time.sleep(0.3)


def _fail(container: Container, what: str) -> None:
    raise NeedsPerson(f"{container.name} {what}. {last_words(container)}")
