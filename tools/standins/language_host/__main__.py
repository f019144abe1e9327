"""`python -m tools.standins.language_host ENGINE_ADDRESS`: serve until Pulumi's engine stops this process or ends."""

import argparse
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from tools.standins.language_host import program
from tools.standins.language_host.servicer import LanguageHost

# Time between two checks that the engine still runs, in seconds. (A killed engine stops no plugin.)
WATCH_SECONDS = 1.0
# The engine sends whole configurations and plugin lists in one message: its own limit is 400 MB, in bytes.
MAX_MESSAGE = 400 * 1024 * 1024


def main() -> int:
    """Print the port as the first line on stdout (the engine waits for it), then serve."""
    engine = os.getppid()
    options = _options()
    executor = Path(options.use_executor)
    if not executor.is_file():
        print(f"missing executor {executor}", file=sys.stderr)
        return 1
    limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    server = grpc.server(ThreadPoolExecutor(), options=limits)
    host = LanguageHost(str(executor), options.engine, options.tracing)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _end)
    server.start()
    print(port, flush=True)
    try:
        while os.getppid() == engine:
            server.wait_for_termination(WATCH_SECONDS)
    finally:
        program.cancel()
        server.stop(None)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Stand-in for Pulumi's Python language host.")
    parser.add_argument("engine", nargs="?", default="", help="address of the engine's log service")
    parser.add_argument("--use-executor", required=True, help="path of pulumi-language-python-exec")
    parser.add_argument("--tracing", default="", help="tracing endpoint to hand to the program")
    # The engine adds flags of its logging library, which mean nothing here.
    return parser.parse_known_args()[0]


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
