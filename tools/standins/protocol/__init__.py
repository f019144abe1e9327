"""Pulumi's provider protocol (gRPC service `pulumirpc.ResourceProvider`), without any knowledge of a resource."""

import os

# gRPC's fork handlers break a child process that starts during a call, such as ssh to an engine on another host.
# gRPC reads this variable at import, so it is set before the modules of this package import gRPC.
NO_FORK_HANDLERS = "GRPC_ENABLE_FORK_SUPPORT"
os.environ.setdefault(NO_FORK_HANDLERS, "0")
