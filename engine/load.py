"""Step `load`: bring models into memory before anything that needs them goes on.

A model that is in the volume is not ready yet: its first request waits for the load, or finds that it does not fit.
"""

import time

import docker

from engine.arguments import Load
from engine.client import find, last_words, say
from engine.errors import NeedsPerson
from engine.ollama import Loaded, NoAnswer, in_memory, load, models

_MB = 1000**2


def load_models(client: docker.DockerClient, args: Load) -> None:
    """Raises NeedsPerson for a model that cannot be loaded, has another digest, or is not on the GPU."""
    container = find(client, args.container)
    if container is None:
        raise NeedsPerson(f"The container {args.container} is gone. Run `pulumi refresh`, then the same command again.")
    try:
        here = {model.digest: model for model in models(container)}
    except NoAnswer as reason:
        raise NeedsPerson(f"{args.container} cannot be asked for its models: {reason}.") from None
    for number, (name, digest) in enumerate(args.models.items(), 1):
        title = f"model {number}/{len(args.models)}: {name}"
        if digest not in here:
            raise NeedsPerson(f"{title} with digest {digest} is not in the volume. Run the same command again.")
        begin = time.monotonic()
        say(f"{title}: loading")
        try:
            load(container, here[digest], timeout=args.timeout)
            found = next((found for found in in_memory(container) if found.digest == digest), None)
        except NoAnswer as reason:
            raise NeedsPerson(f"{title} cannot be loaded: {_explained(str(reason))}\n{_AS_IT_WAS}") from None
        if found is None:
            raise NeedsPerson(f"{title} was loaded, and is not in memory any more. {last_words(container)}")
        say(f"{title}: loaded in {time.monotonic() - begin:.1f} s, {found.size / _MB:,.0f} MB{_place(found, args.gpu)}")
        if args.gpu and not found.on_gpu:
            raise NeedsPerson(f"{title} runs on the CPU, though gpu is {args.gpu}. {_NO_GPU}\n{_AS_IT_WAS}")
    _must_all_stay(tuple(in_memory(container)), args)


def _must_all_stay(loaded: tuple[Loaded, ...], args: Load) -> None:
    there = {found.digest for found in loaded}
    if gone := [name for name, digest in args.models.items() if digest not in there]:
        raise NeedsPerson(
            f"{', '.join(gone)} had to leave the memory for the others: ollama.preload does not fit "
            f"OLLAMA_MEMORY_LIMIT, the GPU's memory, or OLLAMA_MAX_LOADED_MODELS.\n{_AS_IT_WAS}"
        )


def _place(found: Loaded, gpu: str) -> str:
    return f", {100 * found.on_gpu // max(1, found.size)} % of it on the GPU" if gpu else ""


def _explained(reason: str) -> str:
    if "signal: killed" in reason:
        return f"it needs more memory than OLLAMA_MEMORY_LIMIT ({reason})."
    return f"{reason}."


_AS_IT_WAS = "No release was begun; what is live serves on."
_NO_GPU = "Ollama found no GPU that it can use: its log says why (`docker logs`)."
