"""The error that ends a run."""


class Failed(Exception):
    """The text is the whole message for the user: what happened, and what to do next."""
