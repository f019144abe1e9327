"""The output of a command whose reader may go away: `make status | head` is no error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def while_read(stream: TextIO) -> Iterator[None]:
    """Write to `stream` inside. If its reader has gone, the block ends early, and later output is dropped."""
    try:
        try:
            yield
        finally:
            stream.flush()
    except BrokenPipeError:
        # Python flushes the stream again when the process ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
