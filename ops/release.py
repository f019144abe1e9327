"""`release`: name the build of the API that the stack is to run, and deploy it."""

import os
import subprocess
import sys

from components.stack_file import ROOT, read, read_stack
from engine.address import Address
from engine.errors import CommandError, Refused
from ops import pulumi
from ops.lock import wait_for_other
from ops.up import up
from rollout import state
from rollout.stack import engine_of, open_stack
from settings import Settings, SettingsError, load
from settings.values import LOCAL


def release(stack: str, tag: str) -> None:
    """Deploy the build `tag` of the stack's API image; without a tag, the image of images/api, built on its engine.

    Raises SettingsError for a tag that the stack cannot have, Refused when the stack runs neither of those images.
    """
    settings = read_stack(stack)
    if not tag:
        _must_be_built_here(stack, settings)
        _build(engine_of(stack))
        tag = LOCAL
    if settings.image_tag == tag:
        before = _live(stack)
        up(stack)
        if before and before == _live(stack) and settings.rollout.promote == "auto":
            same = "images/api is as it was" if tag == LOCAL else f"IMAGE_TAG was {tag} already"
            print(
                f"\nNothing was released: {same}, and no other setting of the API has changed. Release {before[1]} "
                f"stays live on {before[0]}. What else was to do for {stack} is done, as by `make up`."
            )
        if tag != LOCAL and "@" not in tag:
            print(
                f"\nIMAGE_TAG of {stack} was {tag} already, and a host that has that image asks no registry for it "
                f"again. To release a newer build, use a tag of its own, or {tag}@sha256:<digest>."
            )
        return
    try:
        load(stack, {**read(stack, ROOT), "IMAGE_TAG": tag})
    except SettingsError as error:
        raise SettingsError(f"{tag} cannot be deployed, and was not written into the stack's file.\n{error}") from None
    pulumi.make(stack)
    pulumi.read("config", "set", "IMAGE_TAG", tag, "--stack", stack)
    print(f"IMAGE_TAG of {stack} is {tag} now.")
    try:
        up(stack)
    except (pulumi.PulumiFailed, CommandError) as error:
        raise type(error)(
            f"{error}\nIMAGE_TAG in Pulumi.{stack}.yaml is {tag} still. If that is the wrong tag, give the right one: "
            f"`make deploy STACK={stack} TAG=<tag>`. If it is right, correct the cause and run the same command again. "
            f"Or go back: `pulumi config set IMAGE_TAG {settings.image_tag} --stack {stack}`, then "
            f"`make up STACK={stack}`."
        ) from None


def _live(stack: str) -> tuple[str, str, int, int, str] | None:
    """The live colour and its release, how often a flip and new containers of a colour have come so far, and the phase.

    The host says it: the outputs of the last update know of no rollback since. None where it cannot say it; the cause
    is for the update to name.
    """
    wait_for_other(stack)
    try:
        journal = state.read(open_stack(stack).edge).journal
    except (CommandError, OSError):
        return None
    if journal is None or journal.live is None:
        return None
    return journal.live, journal.releases.get(journal.live, ""), journal.generation, journal.attempt, journal.phase


def _must_be_built_here(stack: str, settings: Settings) -> None:
    """`local` as IMAGE_TAG means the image of images/api, whatever api.image says: it must not replace another one."""
    own = settings.image_tag == LOCAL or "image" not in settings.api.model_fields_set
    if settings.profile == "production" or not own:
        raise Refused(
            f"Say which build to release: `make deploy STACK={stack} TAG=<tag>`. "
            f"It must be in {settings.api.image} already; nothing was changed."
        )


def _build(where: Address) -> None:
    """Have the image on that engine; its progress is shown."""
    command = [sys.executable, "-m", "tools.toolchain.images", "api"]
    building = {**os.environ, "DOCKER_HOST": where}
    if subprocess.run(command, cwd=ROOT, env=building, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Refused("The image of the API could not be built, as is said above; the stack was not changed.")
