"""`python -m tools.standins.docker_plugin ENGINE_ADDRESS`."""

import sys

from tools.standins.docker_plugin.provider import DockerProvider
from tools.standins.protocol.server import main

if __name__ == "__main__":
    sys.exit(main(DockerProvider))
