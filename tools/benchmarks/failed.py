"""What ends a run, in one message."""


class Failed(Exception):
    """The text is all that a person is shown: what happened, and what to do next."""
