"""The credentials of the user's `docker login`, which a helper program may keep."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from docker.errors import DockerException
from docker.utils.config import find_config_file


class NoCredentials(Exception):
    """The helper of a registry's credentials is missing, or fails. The message has its words."""


@contextmanager
def looked_up() -> Iterator[None]:
    """Around a call of the docker package that asks a registry. Raises NoCredentials; APIError and OSError as they are.

    The package asks the helper first, and its error for that is none of the engine's: a helper's answer that cannot be
    read is a ValueError or a KeyError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package, with a line of its code, beside the error
        try:
            yield
        except OSError:  # APIError too
            raise
        except DockerException as error:
            raise _without(str(error.__cause__ or error)) from None
        except (ValueError, KeyError) as error:
            raise _without(f"the answer of their helper cannot be read ({error!r})") from None


def remedy() -> str:
    """What a person corrects, for a message."""
    file: object = find_config_file() or "~/.docker/config.json"
    return f"`docker login`, or `credsStore` and `credHelpers` in {file}"


def _without(reason: str) -> NoCredentials:
    said = reason.replace('\n"', '"').replace("\n", " ")
    return NoCredentials(f"its credentials cannot be had: {said}")
