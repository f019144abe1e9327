"""The life of a plugin process: print the port, serve, and end with the engine.

An engine that is killed ends no plugin: as the official ones do, it then sees the calls under way to their end.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc

from tools.standins.protocol import NO_FORK_HANDLERS
from tools.standins.protocol.log import Log, engine_log
from tools.standins.protocol.patience import Cancellation
from tools.standins.protocol.provider import Provider
from tools.standins.protocol.servicer import Servicer
from tools.standins.protocol.stubs import provider_pb2_grpc

# The engine sends up to this many calls at once (`--parallel`); a call that waits holds a thread.
THREADS = 128
# How often to look whether there is anything left to serve, in seconds.
WATCH_SECONDS = 1.0
# Time for calls under way to end after the engine has cancelled, in seconds.
GRACE_SECONDS = 5.0
# The engine's own limit for one message, in bytes.
MAX_MESSAGE = 400 * 1024 * 1024


def main(make: Callable[[Log], Provider]) -> int:
    """Run the plugin that `make` makes. The engine passes its address and reads the port from the first line."""
    engine = os.getppid()
    address = _address()
    cancellation = Cancellation()
    provider = make(engine_log(address))
    if not address:
        print(f"stand-in for pulumi-resource-{provider.name} {provider.version}, not the official", file=sys.stderr)
    limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=limits)
    servicer = Servicer(provider, cancellation)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end)
    server.start()
    os.environ.pop(NO_FORK_HANDLERS, None)  # read by now, and no business of the commands that are run
    print(port, flush=True)
    try:
        while servicer.busy or not (cancellation.cancelled or os.getppid() != engine):
            server.wait_for_termination(WATCH_SECONDS)
    finally:
        cancellation.cancel()
        server.stop(GRACE_SECONDS).wait(GRACE_SECONDS)
    return 0


def _address() -> str:
    parser = argparse.ArgumentParser(description="Stand-in for a Pulumi resource plugin; Pulumi's engine starts it.")
    parser.add_argument("engine", nargs="?", default="", help="address of the engine's log service")
    # The engine may add flags for its own logging library, which mean nothing here.
    options, _ = parser.parse_known_args()
    return str(options.engine)
