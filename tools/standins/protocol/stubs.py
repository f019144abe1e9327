"""Pulumi's generated gRPC messages, imported without the rest of its SDK.

An import of `pulumi` takes 0.3 s, and the engine starts each plugin for every command. The generated modules do not
need the SDK. So this module puts empty parent packages into `sys.modules`, imports the generated modules, and removes
the empty packages again.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_PARENTS = ("pulumi", "pulumi.runtime")


@contextmanager
def _bare_parents() -> Iterator[None]:
    found = importlib.util.find_spec("pulumi") if "pulumi" not in sys.modules else None
    if not found or not found.submodule_search_locations:
        yield
        return
    root = Path(found.submodule_search_locations[0]).parent
    for name in _PARENTS:
        parent = ModuleType(name)
        parent.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = parent
    try:
        yield
    finally:
        for name in (*_PARENTS, "pulumi.runtime.proto"):
            sys.modules.pop(name, None)


with _bare_parents():
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = ["engine_pb2", "engine_pb2_grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]
