"""Serves until SIGTERM, then lets what is running end."""

import os
import sys
from types import FrameType

import uvicorn

from orca_api import app, logs, settings

# Longer than the proxy keeps idle connections to us (60 s): the side that closes first must be the one that sends.
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """On the first signal new connections are refused, so that a proxy can turn elsewhere, and open requests are
    finished; a second one ends them. Either way the process ends with 0: it did as it was told."""

    def __init__(self, config: uvicorn.Config, service: app.Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = self._service.draining = True


def main() -> int:
    try:
        loaded = settings.load(os.environ)
    except settings.BadSettings as problem:
        print(f"orca-api: {problem}", file=sys.stderr)
        return 2
    application, service = app.create(loaded)
    config = uvicorn.Config(
        application,
        host="0.0.0.0",
        port=loaded.port,
        log_config=logs.CONFIG,
        access_log=False,
        server_header=False,
        # Scheme and client as the edge tells them, which drops what a client says of itself; nobody else can reach this
        # port. Redirects of the router (a slash too many) are made of them.
        proxy_headers=True,
        forwarded_allow_ips="*",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=loaded.drain_seconds,
    )
    Server(config, service).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
