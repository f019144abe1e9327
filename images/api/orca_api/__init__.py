"""The reference backend: an OpenAI-compatible front for Ollama that can be watched, drained and released blue/green."""

__version__ = "0.1.0"
