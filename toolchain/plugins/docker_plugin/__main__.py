"""`python -m toolchain.plugins.docker_plugin ENGINE_ADDRESS`."""

import sys

from toolchain.plugins.docker_plugin.provider import DockerProvider
from toolchain.plugins.protocol.server import main

if __name__ == "__main__":
    sys.exit(main(DockerProvider))
