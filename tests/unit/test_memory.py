"""The memory plan: what is said of the models, and what is refused."""

from typing import Any

from settings import Settings, load
from workloads.memory import Footprint, memory_plan

MIB = 1024**2
# Llama 3.1 8B: 32 layers, 8 heads of 128 keys and 128 values; 4.9 GB as Q4_K_M.
LLAMA = Footprint(weights=4693 * MIB, per_token=32 * 8 * 256)
SMALL = Footprint(weights=100 * MIB, per_token=0)


def settings(**values: Any) -> Settings:
    base = {"profile": "development", "OLLAMA_VERSION": "1", "IMAGE_TAG": "1", "OLLAMA_MODELS": ["llama3.1:8b", "s:1"]}
    return load("x", {**base, **values})


def known(**found: Footprint) -> dict[str, Footprint]:
    names = {"llama": "registry.ollama.ai/library/llama3.1:8b", "small": "registry.ollama.ai/library/s:1"}
    return {names[key]: value for key, value in found.items()}


def test_weights_context_and_prompts() -> None:
    plan = memory_plan(settings(), known(llama=LLAMA, small=SMALL))
    # 4693 of weights, 512 of context (4096 tokens of 128 KiB), 64 besides; 100 and 64; 2 x 341 of prompts.
    assert plan.text == "memory of x-ollama: llama3.1:8b 5,269, s:1 164, earlier prompts 682; 6,115 of 8,192 MiB"
    assert not plan.refusal


def test_context_and_parallel_requests_multiply() -> None:
    group = {"contextLength": 8192, "kvCacheType": "q8_0"}
    plan = memory_plan(settings(ollama=group, OLLAMA_NUM_PARALLEL=4), known(llama=LLAMA))
    # 8192 x 4 tokens of 68 KiB are 2176 MiB.
    assert "llama3.1:8b 6,933, earlier prompts 341, s:1 not in the volume yet; 7,274 of" in plan.text


def test_what_does_not_fit_at_once_is_said() -> None:
    plan = memory_plan(
        settings(OLLAMA_MEMORY_LIMIT="6G"), known(llama=LLAMA, small=Footprint(weights=2**30, per_token=0))
    )
    assert "That is too much at once" in plan.text
    assert not plan.refusal


def test_a_model_whose_weights_cannot_fit_is_refused() -> None:
    plan = memory_plan(settings(OLLAMA_MEMORY_LIMIT="4640M"), known(llama=LLAMA))
    assert plan.refusal.startswith("OLLAMA_MEMORY_LIMIT of 4,640 MiB does not hold llama3.1:8b, which needs 4,757 MiB")
    assert "Nothing was changed" in plan.refusal


def test_a_context_that_may_not_fit_is_said() -> None:
    """And not refused: what the context really takes, only the runner knows."""
    plan = memory_plan(settings(OLLAMA_MEMORY_LIMIT="5G"), known(llama=LLAMA))
    assert not plan.refusal
    assert plan.short
    assert "With a context of 4096 tokens, llama3.1:8b may need more than the limit" in plan.text


def test_a_model_has_no_longer_context_than_it_was_trained_for() -> None:
    nomic = Footprint(weights=262 * MIB, per_token=12 * 2 * 768, longest=2048)
    group = {"contextLength": 65536}
    plan = memory_plan(settings(ollama=group, OLLAMA_NUM_PARALLEL=4), known(small=nomic))
    assert not plan.short
    assert "s:1 614," in plan.text  # 2048 x 4 tokens of 36 KiB are 288 MiB


def test_preloaded_models_must_fit_together() -> None:
    both = known(llama=LLAMA, small=Footprint(weights=2**30, per_token=0))
    plan = memory_plan(settings(OLLAMA_MEMORY_LIMIT="5700M", ollama={"preload": "all"}), both)
    assert "does not hold the models of ollama.preload, which need 5,845 MiB together" in plan.refusal


def test_fewer_models_at_once_need_less() -> None:
    both = known(llama=LLAMA, small=SMALL)
    plan = memory_plan(settings(OLLAMA_MAX_LOADED_MODELS=1), both)
    assert plan.text == "memory of x-ollama: llama3.1:8b 5,269, earlier prompts 1,024; 6,293 of 8,192 MiB"
