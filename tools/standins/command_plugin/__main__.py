"""`python -m tools.standins.command_plugin ENGINE_ADDRESS`."""

import sys

from tools.standins.command_plugin.provider import CommandProvider
from tools.standins.protocol.server import main

if __name__ == "__main__":
    sys.exit(main(CommandProvider))
