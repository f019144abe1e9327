"""The gRPC service: turns the engine's messages into calls of a Provider and its answers into messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2

from tools.standins.protocol.patience import Cancellation, Interrupted, Patience
from tools.standins.protocol.provider import Difference, Failed, InitFailed, Naming, NotOffered, Provider, Resource
from tools.standins.protocol.stubs import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from tools.standins.protocol.values import to_python, to_struct


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """All methods take (request, context) as gRPC calls them; what a method does not override is UNIMPLEMENTED."""

    def __init__(self, provider: Provider, cancellation: Cancellation) -> None:
        self._provider = provider
        self._cancellation = cancellation
        self._running = 0
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._running > 0

    # Message classes carry fields that type checkers cannot see, hence Any.

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def Cancel(self, _request: Any, _context: Any) -> Any:
        self._cancellation.cancel()
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            inputs = self._provider.check_config(to_python(request.news))
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._provider.diff_config(to_python(request.old_inputs), to_python(request.news))
        if not found.changes:
            return provider_pb2.DiffResponse()
        names = [change.path for change in found.changes]
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME, diffs=names)

    def Configure(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            self._provider.configure(to_python(request.args))
        offered = self._provider.capabilities
        return provider_pb2.ConfigureResponse(
            supportsPreview=True,
            acceptSecrets=offered.secrets,
            acceptResources=offered.resources,
            acceptOutputs=offered.outputs,
            supports_autonaming_configuration=offered.autonaming,
        )

    def Check(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._provider.check(
                _resource(request), to_python(request.olds), to_python(request.news), _naming(request)
            )
        failures = [provider_pb2.CheckFailure(reason=problem.reason) for problem in found.problems]
        return provider_pb2.CheckResponse(inputs=to_struct(found.inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._provider.diff(
                _resource(request), to_python(request.olds), to_python(request.news), to_python(request.old_inputs)
            )
        return _diff_response(found)

    def Create(self, request: Any, context: Any) -> Any:
        patience = Patience(self._cancellation, request.timeout)
        with self._answering(context):
            identity, outputs = self._provider.create(
                _resource(request), to_python(request.properties), patience, request.preview
            )
        return provider_pb2.CreateResponse(id=identity, properties=to_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._provider.read(
                _resource(request), request.id, to_python(request.inputs), to_python(request.properties)
            )
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.identity, properties=to_struct(found.outputs), inputs=to_struct(found.inputs)
        )

    def Update(self, request: Any, context: Any) -> Any:
        patience = Patience(self._cancellation, request.timeout)
        with self._answering(context):
            outputs = self._provider.update(
                _resource(request),
                request.id,
                to_python(request.olds),
                to_python(request.news),
                to_python(request.old_inputs),
                patience,
                request.preview,
            )
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        patience = Patience(self._cancellation, request.timeout)
        with self._answering(context):
            self._provider.delete(_resource(request), request.id, to_python(request.properties), patience)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            result = self._provider.invoke(request.tok, to_python(request.args), Patience(self._cancellation))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # a field named like the statement
        return response

    @contextmanager
    def _answering(self, context: Any) -> Iterator[None]:
        """Turn what the provider raises into the gRPC status that the engine expects."""
        with self._lock:
            self._running += 1
        try:
            yield
        except InitFailed as error:
            _abort(context, str(error), _init_failed(error))
        except (Failed, Interrupted) as error:
            _abort(context, str(error), None)
        except NotOffered as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        finally:
            with self._lock:
                self._running -= 1


def _abort(context: Any, message: str, detail: Any) -> None:
    if detail is not None:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


def _init_failed(error: InitFailed) -> Any:
    return provider_pb2.ErrorResourceInitFailed(
        id=error.identity, properties=to_struct(error.state), reasons=[str(error)]
    )


def _resource(request: Any) -> Resource:
    """Type and name are fields of newer engines; the URN holds both too: `urn:...::<parents$type>::<name>`."""
    _, _, kind, name = request.urn.split("::", 3)
    return Resource(request.urn, request.type or kind.split("$")[-1], request.name or name)


def _naming(request: Any) -> Naming:
    options = request.autonaming if request.HasField("autonaming") else None
    if options is None:
        return Naming(seed=request.randomSeed)
    disabled = options.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE
    return Naming(request.randomSeed, "" if disabled else options.proposed_name, disabled)


def _diff_response(found: Difference) -> Any:
    message = provider_pb2.DiffResponse
    replacing = list(dict.fromkeys(change.property for change in found.changes if change.replace))
    details = {change.path: _property_diff(change.kind.value, change.replace) for change in found.changes}
    return message(
        changes=message.DIFF_SOME if found.changes else message.DIFF_NONE,
        diffs=list(dict.fromkeys(change.property for change in found.changes)),
        detailedDiff=details,
        hasDetailedDiff=True,
        replaces=replacing,
        deleteBeforeReplace=bool(replacing) and found.delete_first,
        stables=list(found.stable),
    )


def _property_diff(kind: str, replace: bool) -> Any:
    name = f"{kind}_REPLACE" if replace else kind
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(name))
