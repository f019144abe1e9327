"""The commands that a message advises: they act on the stack that the message is about."""

import re

_COMMAND = re.compile(r"`(python -m rollout (?:(?!--stack)[^`])+)`")


def for_stack(text: str, stack: str) -> str:
    """Without `--stack`, a command acts on STACK or on dev, whichever stack the message came from."""
    return _COMMAND.sub(rf"`\1 --stack {stack}`", text)
