"""Pulumi's provider protocol (gRPC service `pulumirpc.ResourceProvider`), without any knowledge of a resource."""

import os

# gRPC's fork handlers break children that are started while calls are under way, such as the ssh to a far engine.
# gRPC reads this when it is imported, which the modules of this package do.
NO_FORK_HANDLERS = "GRPC_ENABLE_FORK_SUPPORT"
os.environ.setdefault(NO_FORK_HANDLERS, "0")
