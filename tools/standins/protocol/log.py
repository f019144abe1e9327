"""Messages to the user through the engine's log service."""

from collections.abc import Callable
from typing import TypeAlias

import grpc

from tools.standins.protocol.stubs import engine_pb2, engine_pb2_grpc

# Arguments: the URN of the resource that the line belongs to, and the line.
Log: TypeAlias = Callable[[str, str], None]


def engine_log(address: str) -> Log:
    """A function that shows a line as information below a resource. Without an engine it drops the line."""
    if not address:
        return lambda _urn, _line: None
    engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(urn: str, line: str) -> None:
        try:
            engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn))
        except grpc.RpcError:
            return  # the engine is stopping, so nobody reads the line

    return log
