"""How a step or command ends, by exit code.

0 done, 2 usage or settings, 3 refused, 4 failed and undone, 5 needs a person.
"""


class CommandError(Exception):
    """Ends the command with `code` after one message: what happened, what state things are in, what to do next."""

    code = 5


class Usage(CommandError):
    code = 2


class Refused(CommandError):
    """Nothing was changed."""

    code = 3


class Undone(CommandError):
    """It failed, and what it had changed is as it was before."""

    code = 4


class NeedsPerson(CommandError):
    """It failed, and the state it left needs a decision."""

    code = 5


class NotRunning(NeedsPerson):
    """A command was to run in a container that does not run."""
