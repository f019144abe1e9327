"""The production stack's file: the specification's values, and ten kinds of mistakes in it, each refused by its key."""

from typing import Any

import pytest

from components.stack_file import ROOT, read, read_stack
from settings import SettingsError, load

GIB = 1024**3


def test_it_has_the_values_of_the_specification() -> None:
    prod = read_stack("prod")
    assert (prod.ollama_memory_limit, prod.ollama_memory_reservation) == (8 * GIB, 4 * GIB)
    assert (prod.ollama_max_loaded_models, prod.ollama_num_parallel) == (3, 1)
    assert "@sha256:" in prod.ollama_version
    assert "@sha256:" in prod.images.nginx
    assert prod.profile == "production"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"OLLAMA_VERSION": "latest"}, "OLLAMA_VERSION"),
        ({"OLLAMA_VERSION": "0.35.1"}, "OLLAMA_VERSION"),
        ({"IMAGE_TAG": "latest"}, "IMAGE_TAG"),
        ({"OLLAMA_MODELS": ["llama 3"]}, "OLLAMA_MODELS"),
        ({"OLLAMA_MEMORY_LIMIT": "8 gigabytes"}, "OLLAMA_MEMORY_LIMIT"),
        ({"OLLAMA_MEMORY_LIMIT": "2G"}, "OLLAMA_MEMORY_RESERVATION"),
        ({"edge": {"hostname": "192.0.2.1", "apiKeys": "off"}}, "edge.hostname"),
        ({"edge": {"hostname": "api.example.com"}}, "edge.apiKeys"),
        ({"images": {"nginx": "nginx:1.31.9-alpine"}}, "images.nginx"),
        ({"network": {"cidr": "8.8.8.0/20"}}, "network.cidr"),
        ({"dockerHost": "llm-1.example.com"}, "dockerHost"),
        ({"api": {"image": "my-registry/orca-agents:1.0.0"}}, "api.image"),
        ({"ollma": {}}, "ollma"),
    ],
)
def test_a_mistake_is_refused_by_its_key(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load("prod", read("prod", ROOT) | change)
    assert said in str(refused.value)
    assert "nothing was changed" in str(refused.value)
