"""Stack configuration, read once into frozen, validated settings."""

from settings.edge import Edge
from settings.load import SettingsError, load
from settings.model import Api, Images, Models, Network, Ollama, Rollout, Settings, Smoke

__all__ = [
    "Api",
    "Edge",
    "Images",
    "Models",
    "Network",
    "Ollama",
    "Rollout",
    "Settings",
    "SettingsError",
    "Smoke",
    "load",
]
