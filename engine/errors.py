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


def of_engine(error: OSError) -> NeedsPerson:
    """What a client of the engine has raised, as a message; the docker package's errors are OSErrors too."""
    from docker.errors import APIError

    if isinstance(error, APIError):
        return NeedsPerson(f"The engine refused: {error.explanation or error}")
    return NeedsPerson(f"The engine stopped answering: {error}. Run the same command again when it is back.")
