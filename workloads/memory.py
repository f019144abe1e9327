"""What the models need of the model server's memory, as far as it is known before they are loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from settings import Model, Settings
from settings.values import MIB

_CONTEXT = 4096
"""Tokens that Ollama gives a request on a CPU without a word of the operator (its envconfig/config.go)."""
_BYTES = {"f16": Fraction(2), "q8_0": Fraction(34, 32), "q4_0": Fraction(18, 32)}
"""Of one number in the cache of keys and values: blocks of 32 numbers with a scale of two bytes (ggml-common.h)."""
_BESIDES = 64 * MIB
"""What a runner has besides weights and cache: 47 MiB were measured with a model of 98 MB on one thread."""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """A model in the volume: bytes of its files, numbers that the cache of keys and values has for each token, and the
    `longest` context that it was trained for, 0 for unknown. Ollama gives a model no more than that."""

    weights: int
    per_token: int
    longest: int = 0


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """`text` is for a person; `short` where it says that memory may not do. `refusal` says what cannot fit, and what to
    do; empty where everything may."""

    text: str
    short: bool = False
    refusal: str = ""


def memory_plan(settings: Settings, known: Mapping[str, Footprint]) -> MemoryPlan:
    """Of the models of OLLAMA_MODELS that are `known`, by their full names: weights, context and prompts against the
    limit. Of the others nothing can be said."""
    needs = {model: _need(settings, known[model.full_name]) for model in _sized(settings, known)}
    limit = settings.ollama_memory_limit
    largest = sorted(needs, key=lambda model: needs[model], reverse=True)[: settings.loaded_at_once]
    caches = settings.prompt_cache * len(largest)
    total = sum(needs[model] for model in largest) + caches
    parts = [f"{model.reference} {_mib(needs[model])}" for model in largest]
    unknown = [model.reference for model in settings.ollama_models if model not in needs]
    text = f"memory of {settings.stack}-ollama: " + ", ".join(
        [
            *parts,
            *([f"earlier prompts {_mib(caches)}"] if caches and largest else []),
            *([f"{' and '.join(unknown)} not in the volume yet"] if unknown else []),
        ]
    )
    text += f"; {_mib(total)} of {_mib(limit)} MiB"
    alone = [model.reference for model, need in needs.items() if need > limit]
    if alone:
        text += (
            f". With a context of {_tokens(settings)} tokens, {' and '.join(alone)} may need more than the limit; a "
            "model with sliding windows needs less. Raise OLLAMA_MEMORY_LIMIT, or lower ollama.contextLength or "
            "OLLAMA_NUM_PARALLEL"
        )
    elif total > limit:
        text += (
            ". That is too much at once: Ollama unloads models for others. Raise OLLAMA_MEMORY_LIMIT, or lower "
            "OLLAMA_MAX_LOADED_MODELS"
        )
    weights = {model: known[model.full_name].weights + _BESIDES for model in needs}
    return MemoryPlan(text=text, short=total > limit, refusal=_refusal(settings, weights))


def _refusal(settings: Settings, needs: Mapping[Model, int]) -> str:
    """By what models need whatever their context: their weights, and the runner."""
    limit = settings.ollama_memory_limit
    if large := [model for model, need in needs.items() if need > limit]:
        return (
            f"OLLAMA_MEMORY_LIMIT of {_mib(limit)} MiB does not hold {large[0].reference}, which needs "
            f"{_mib(needs[large[0]])} MiB without any context. Nothing was changed. Raise the limit."
        )
    together = sum(needs[model] for model in settings.preloaded if model in needs)
    if together > limit:
        return (
            f"OLLAMA_MEMORY_LIMIT of {_mib(limit)} MiB does not hold the models of ollama.preload, which need "
            f"{_mib(together)} MiB together. Nothing was changed. Raise the limit, or preload fewer models."
        )
    return ""


def _sized(settings: Settings, known: Mapping[str, Footprint]) -> list[Model]:
    return [model for model in settings.ollama_models if model.full_name in known]


def _tokens(settings: Settings, longest: int = 0) -> int:
    """Of all requests that one model works on at once."""
    context = settings.ollama.context_length or _CONTEXT
    return (min(context, longest) if longest else context) * max(1, settings.ollama_num_parallel)


def _need(settings: Settings, found: Footprint) -> int:
    cache = _BYTES[settings.ollama.kv_cache_type or "f16"] * found.per_token * _tokens(settings, found.longest)
    return found.weights + int(cache) + _BESIDES


def _mib(size: int) -> str:
    return f"{size // MIB:,}"
