"""`python -m toolchain.plugins.command_plugin ENGINE_ADDRESS`."""

import sys

from toolchain.plugins.command_plugin.provider import CommandProvider
from toolchain.plugins.protocol.server import main

if __name__ == "__main__":
    sys.exit(main(CommandProvider))
