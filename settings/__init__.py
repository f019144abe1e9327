"""Stack configuration, read once into frozen, validated settings."""

from settings.api import Api, Smoke
from settings.edge import Edge
from settings.images import Images
from settings.load import SettingsError, load
from settings.models import Model, Models
from settings.monitoring import Monitoring
from settings.network import Network
from settings.ollama import Ollama
from settings.rollout import Rollout
from settings.stack import Settings

__all__ = [
    "Api",
    "Edge",
    "Images",
    "Model",
    "Models",
    "Monitoring",
    "Network",
    "Ollama",
    "Rollout",
    "Settings",
    "SettingsError",
    "Smoke",
    "load",
]
