"""`pin`: ask the registries which digest each image of a stack has, and write it where the stack's file has none."""

import re

import docker
from docker.errors import APIError

from components.stack_file import ROOT, read_stack
from engine.client import connect, say
from engine.credentials import NoCredentials, looked_up, remedy
from engine.errors import Refused
from rollout.stack import engine_of
from settings import Settings
from settings.values import LOCAL
from workloads import stack as workloads
from workloads.images import PUBLISHED


def pin(stack: str, *, move: bool) -> None:
    """The engine of the stack asks, with its own credentials and its way to the registries. A digest of the file that
    differs has been reviewed: it stays, unless `move` is true. Raises Refused when a tag's digest cannot be had."""
    settings = read_stack(stack, unpinned=True)
    client = connect(engine_of(stack))
    file = ROOT / f"Pulumi.{stack}.yaml"
    text, unknown = file.read_text(encoding="utf-8"), []
    for written, image in {**images(settings), **known(settings)}.items():
        name, _, before = image.partition("@")
        try:
            digest = _digest(client, name)
        except APIError as error:
            unknown.append(f"  {name}: {error.explanation or error}")
            continue
        except NoCredentials as error:
            unknown.append(f"  {name}: {error}")
            continue
        if before == digest:
            print(f"{name} has {digest}, as {'the file' if written in text else 'this version'} says.")
        elif written not in text:
            print(
                f"{name} has {digest} now; this version of the program keeps {before}. To move, set its `images.…` key."
            )
        elif before and not move:
            print(
                f"{name} has {digest} now; the file keeps {before}. `make pin STACK={stack} MOVE=1` writes the new one."
            )
        else:
            text = with_digest(text, written, digest)
            print(f"{name} has {digest}; the file says so now.")
    file.write_text(text, encoding="utf-8")
    if unknown:
        said = "\n".join(unknown)
        raise Refused(
            f"No registry has told the digest of these images, and the file keeps what it says of them:\n{said}\n"
            f"Correct an image's name or its registry's credentials ({remedy()}), then run the same command again."
        )
    say(f"Every image of {stack} is known to its registry.")


def images(settings: Settings) -> dict[str, str]:
    """What the stack's file says of an image (a version, or an image) to the whole image.

    Images that are built here have no registry, and a build of the operator's own API is named by its tag.
    """
    others = (getattr(settings.images, name) for name in type(settings.images).model_fields if name != "ollama")
    found = {settings.ollama_version: f"{settings.images.ollama}:{settings.ollama_version}"}
    found |= {image: image for image in others if image}
    return {written: image for written, image in found.items() if written != LOCAL}


def known(settings: Settings) -> dict[str, str]:
    """The images that the stack runs because this version of the program knows them, each under its own name."""
    used = workloads.stack(settings).images
    return {image: image for image in PUBLISHED.values() if image in used}


def with_digest(text: str, written: str, digest: str) -> str:
    """The file with another digest behind the tag of `written`."""
    whole = rf"(?<![\w.:/@-]){re.escape(written)}(?![\w.:/@-])"
    return re.sub(whole, f"{written.partition('@')[0]}@{digest}", text)


def _digest(client: docker.DockerClient, name: str) -> str:
    """The digest of a tag: that of its index, where it is for several platforms."""
    with looked_up():
        return str(client.images.get_registry_data(name).id)
