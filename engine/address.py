"""Which engine: the one that a stack names, or this user's own.

`connect` takes nothing else, so that no caller reaches the user's own engine by leaving something out.
"""

import os
from typing import NewType

Address = NewType("Address", str)
"""`unix://…`, `tcp://…` or `ssh://…`; made by the functions below alone."""


def of_stack(docker_host: str | None) -> Address:
    """The engine of a stack with this `dockerHost`: that engine alone, whatever DOCKER_HOST says.

    A stack that names none is on the user's own.
    """
    return Address(docker_host) if docker_host else of_user()


def of_user() -> Address:
    """The engine that DOCKER_HOST names, or the one at Docker's default socket.

    A step of a deployment takes this one: `components/step.py` sets DOCKER_HOST to the stack's `dockerHost`.
    """
    return Address(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
