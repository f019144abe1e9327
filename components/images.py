"""Images first: the update touches no container before the engine has every image."""

import pulumi

import images
from components.step import step
from engine.arguments import Images
from settings import Settings
from workloads.stack import Stack


def images_on_engine(settings: Settings, stack: Stack, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """The step that pulls what is missing. Every container depends on it."""
    built = tuple(image for image in stack.images if images.is_built(image))
    pulled = tuple(image for image in stack.images if image not in built)
    return step("images", "engine images", settings, Images(pulled=pulled, built=built), opts)
