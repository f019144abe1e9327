"""How a step or command ends, by exit code.

0 done, 2 usage or settings, 3 refused, 4 failed and undone, 5 needs a person.
"""


class RolloutError(Exception):
    """Ends the command with `code` after one message: what happened, what state things are in, what to do next."""

    code = 5


class Usage(RolloutError):
    code = 2


class Refused(RolloutError):
    """Nothing was changed."""

    code = 3


class Undone(RolloutError):
    """It failed, and what it had changed is as it was before."""

    code = 4


class NeedsPerson(RolloutError):
    """It failed, and the state it left needs a decision."""

    code = 5
