"""The calls that the Pulumi engine makes to a language host (service `pulumirpc.LanguageRuntime`)."""

import importlib.metadata
import subprocess
from collections.abc import Callable, Iterator
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tools.standins.language_host import interpreter, plugin, program

NATURE = "stand-in built from tools/standins/language_host, not Pulumi's own"


def _ends_with(context: grpc.ServicerContext) -> Callable[[program.Process], object]:
    """Lets a process end with the call that started it: the engine ends programs and plugins by cancelling the call."""

    def begun(process: program.Process) -> None:
        if not context.add_callback(lambda: program.end(process)):
            program.end(process)

    return begun


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs.

    `executor` is the path of `pulumi-language-python-exec`, `engine` the address of the engine's log service and
    `tracing` an endpoint to hand through (empty: none).
    """

    def __init__(self, executor: str, engine: str, tracing: str) -> None:
        self._executor = executor
        self._engine = engine
        self._tracing = tracing

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        del context
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        del request, context
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        try:
            needed = interpreter.plugins(interpreter.for_program(request.info))
        except interpreter.UnusableProgram as problem:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(name=name, version=f"v{version}", kind="resource", server=server)
                for name, version, server in needed
            ]
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        if request.attach_debugger:
            return language_pb2.RunResponse(error="this stand-in language host cannot attach a debugger")
        command = program.arguments(request, self._executor, self._engine, self._tracing)
        try:
            python = interpreter.for_program(request.info)
            return program.outcome(program.run(python, command, program.configuration(request), _ends_with(context)))
        except (interpreter.UnusableProgram, OSError) as problem:
            return language_pb2.RunResponse(error=str(problem))

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        if request.attach_debugger:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "this stand-in language host cannot attach a debugger")
        try:
            yield from plugin.run(request, _ends_with(context))
        except (interpreter.UnusableProgram, OSError) as problem:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        del request, context
        program.cancel()
        return empty_pb2.Empty()

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        try:
            python = interpreter.for_program(request.info)
            version = interpreter.version(python)
        except interpreter.UnusableProgram as problem:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
        return language_pb2.AboutResponse(
            executable=python.executable, version=version, metadata={"toolchain": "Pip", "languageHost": NATURE}
        )

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        try:
            python = interpreter.for_program(request.info)
            found = interpreter.dependencies(python, request.transitiveDependencies)
        except interpreter.UnusableProgram as problem:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        try:
            python = interpreter.for_program(request.info)
        except interpreter.UnusableProgram as problem:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(problem))
        for command in interpreter.installation(python, request.info.program_directory):
            with subprocess.Popen(
                command,
                cwd=request.info.program_directory,
                env=python.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    yield language_pb2.InstallDependenciesResponse(stdout=line)
            if process.returncode != 0:
                problem_text = f"`{' '.join(command)}` failed with exit code {process.returncode}"
                context.abort(grpc.StatusCode.INTERNAL, problem_text)

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        del request, context
        return language_pb2.RuntimeOptionsResponse()

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        del request, context
        return language_pb2.TemplateResponse()

    def _unsupported(self, request: Message, context: grpc.ServicerContext) -> NoReturn:
        call = type(request).__name__.removesuffix("Request")
        text = f"{call} is not offered by this {NATURE}; install the official Pulumi CLI for it"
        context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        raise AssertionError("abort always raises")

    GenerateProgram = GenerateProject = GeneratePackage = Pack = Link = _unsupported
    GetRequiredPlugins = _unsupported
