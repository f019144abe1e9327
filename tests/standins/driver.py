"""Drives a plugin as Pulumi's engine does: as a process, over gRPC."""

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

from tools.lab.place import own
from tools.standins.protocol.stubs import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from tools.standins.protocol.values import Properties, to_python, to_struct

PREFIX = own("orca-plugin-test") + "-"
START_SECONDS = 20
END_SECONDS = 10


def unique(word: str) -> str:
    """A name for a docker object that no other test has."""
    return f"{PREFIX}{word}-{uuid.uuid4().hex[:8]}"


def urn(kind: str, name: str = "it") -> str:
    """The URN of a resource of a type."""
    return f"urn:pulumi:dev::orca-plugin-test::{kind}::{name}"


@dataclass(frozen=True)
class InitFailure:
    """What a failed call says of the object that exists all the same."""

    identity: str
    state: Properties
    reasons: list[str]


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side: collects what plugins show."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: Any, _context: Any) -> Any:
        self.lines.append(request.message)
        return engine_pb2.LogRequest()

    def stop(self) -> None:
        self._server.stop(None)


@dataclass
class Plugin:
    """A running plugin. Its methods take and give plain values; failures are grpc.RpcError."""

    process: subprocess.Popen[str]
    stub: Any
    engine: Engine
    timeout: float = field(default=60.0)

    @classmethod
    def start(cls, module: str, *below: str) -> "Plugin":
        """Start the plugin, or a command `below` which it runs."""
        engine = Engine()
        process = subprocess.Popen(
            [*below, sys.executable, "-m", module, engine.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        grpc.channel_ready_future(channel).result(START_SECONDS)
        return cls(process, provider_pb2_grpc.ResourceProviderStub(channel), engine)

    def stop(self) -> int:
        """End it by a signal; its exit code."""
        self.process.terminate()
        code = self.process.wait(END_SECONDS)
        self.engine.stop()
        return code

    def configure(self, **inputs: Any) -> None:
        self.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(inputs)), timeout=self.timeout)

    def check(self, kind: str, inputs: Properties, old: Properties | None = None) -> tuple[Properties, list[str]]:
        request = provider_pb2.CheckRequest(
            urn=urn(kind), olds=to_struct(old or {}), news=to_struct(inputs), randomSeed=b"seed"
        )
        answer = self.stub.Check(request, timeout=self.timeout)
        return to_python(answer.inputs), [failure.reason for failure in answer.failures]

    def checked(self, kind: str, **inputs: Any) -> Properties:
        """Inputs that must pass."""
        found, failures = self.check(kind, inputs)
        assert failures == []
        return found

    def diff(self, kind: str, state: Properties, inputs: Properties) -> dict[str, str]:
        request = provider_pb2.DiffRequest(
            id="it", urn=urn(kind), olds=to_struct(state), news=to_struct(inputs), old_inputs=to_struct({})
        )
        answer = self.stub.Diff(request, timeout=self.timeout)
        name = provider_pb2.PropertyDiff.Kind.Name
        return {path: name(entry.kind) for path, entry in answer.detailedDiff.items()}

    def create(
        self, kind: str, inputs: Properties, preview: bool = False, limit: float = 0.0
    ) -> tuple[str, Properties]:
        request = provider_pb2.CreateRequest(
            urn=urn(kind), properties=to_struct(inputs), preview=preview, timeout=limit
        )
        answer = self.stub.Create(request, timeout=self.timeout)
        return answer.id, to_python(answer.properties)

    def read(
        self, kind: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[str, Properties, Properties]:
        request = provider_pb2.ReadRequest(
            id=identity, urn=urn(kind), properties=to_struct(state), inputs=to_struct(inputs)
        )
        answer = self.stub.Read(request, timeout=self.timeout)
        return answer.id, to_python(answer.properties), to_python(answer.inputs)

    def update(
        self, kind: str, identity: str, state: Properties, inputs: Properties, preview: bool = False
    ) -> Properties:
        request = provider_pb2.UpdateRequest(
            id=identity, urn=urn(kind), olds=to_struct(state), news=to_struct(inputs), preview=preview
        )
        return to_python(self.stub.Update(request, timeout=self.timeout).properties)

    def delete(self, kind: str, identity: str, state: Properties) -> None:
        request = provider_pb2.DeleteRequest(id=identity, urn=urn(kind), properties=to_struct(state))
        self.stub.Delete(request, timeout=self.timeout)

    def invoke(self, token: str, **arguments: Any) -> Properties:
        request = provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments))
        return to_python(getattr(self.stub.Invoke(request, timeout=self.timeout), "return"))

    def cancel(self) -> None:
        from google.protobuf.empty_pb2 import Empty

        self.stub.Cancel(Empty(), timeout=self.timeout)


def init_failure(error: Any) -> InitFailure | None:
    """What a grpc.RpcError carries about an object that exists all the same."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            found = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(found)
            return InitFailure(found.id, to_python(found.properties), list(found.reasons))
    return None
