"""`python3 -m tools.toolchain`: sets this machine up. It needs only the system's Python and its standard library."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python reads first
    sys.exit(
        "Python 3.11 or newer is needed; {} is {}.{}.{}.\n"
        "Nothing has changed. Install one and name it: `make PYTHON=python3.11 up`.".format(
            sys.executable, *sys.version_info[:3]
        )
    )

from tools.toolchain import commands

if __name__ == "__main__":
    sys.exit(commands.main(sys.argv[1:]))
