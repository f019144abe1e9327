"""What the environment says, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class BadSettings(ValueError):
    """One message that names every variable that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Times are in seconds, sizes in bytes."""

    ollama_base_url: str = "http://ollama:11434"
    colour: str = ""
    release: str = ""
    port: int = 8000
    max_in_flight: int = 64
    max_body_bytes: int = 2**30  # what the program can hold at all; whoever stands in front says what clients may send
    connect_timeout: float = 5.0
    read_timeout: float = 600.0  # the longest silence of Ollama: loading a model and reading a long prompt
    drain_seconds: int = 300


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; one that is unset or empty keeps its default. Raises BadSettings."""
    default = Settings()
    problems: list[str] = []

    def number(name: str, fallback: float, least: float, most: float) -> float:
        text = environ.get(name, "").strip()
        if not text:
            return fallback
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            problems.append(f"{name} must be a number from {least:g} to {most:g}, not {text!r}")
        return value if least <= value <= most else fallback

    def whole(name: str, fallback: int, least: int, most: int) -> int:
        value = number(name, fallback, least, most)
        if value != int(value):
            problems.append(f"{name} must be a whole number, not {value:g}")
        return int(value)

    url = (environ.get("OLLAMA_BASE_URL") or default.ollama_base_url).strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append(f"OLLAMA_BASE_URL must be an http:// or https:// URL, not {url!r}")

    settings = Settings(
        ollama_base_url=url,
        colour=environ.get("ORCA_COLOUR", ""),
        release=environ.get("ORCA_RELEASE", ""),
        port=whole("PORT", default.port, 1, 65535),
        max_in_flight=whole("API_MAX_IN_FLIGHT", default.max_in_flight, 1, 100_000),
        max_body_bytes=whole("API_MAX_BODY_BYTES", default.max_body_bytes, 1024, 2**30),
        connect_timeout=number("API_CONNECT_TIMEOUT", default.connect_timeout, 0.1, 300),
        read_timeout=number("API_READ_TIMEOUT", default.read_timeout, 1, 86_400),
        drain_seconds=whole("API_DRAIN_SECONDS", default.drain_seconds, 0, 86_400),
    )
    if problems:
        raise BadSettings("; ".join(problems))
    return settings
