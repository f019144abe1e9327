"""The specification's variables in a Compose file, and the three that it needs beside them.

Each stands where its value would, as `${NAME:-default}`, with the stack's value as the default.
"""

from typing import Any

from render.compose.files import key_id, pair, secret_files
from settings import Settings
from settings.values import LOCAL, MIB
from workloads import ollama
from workloads.stack import Stack
from workloads.workload import Workload

API = "api"


def with_variables(found: dict[str, Any], work: Workload, settings: Settings) -> dict[str, Any]:
    """The same service with the specification's variables in the places of their values."""
    if work.service in (ollama.SERVICE, ollama.INIT) and settings.ollama_version != LOCAL:
        found["image"] = f"{settings.images.ollama}:{_variable('OLLAMA_VERSION', settings.ollama_version)}"
    if work.service == ollama.SERVICE:
        limit = _variable("OLLAMA_MEMORY_LIMIT", size(settings.ollama_memory_limit))
        resources = found["deploy"]["resources"]
        resources["limits"]["memory"] = found["memswap_limit"] = limit
        if settings.ollama_memory_reservation:
            reservation = size(settings.ollama_memory_reservation)
            resources["reservations"]["memory"] = _variable("OLLAMA_MEMORY_RESERVATION", reservation)
        _set(found, "OLLAMA_MAX_LOADED_MODELS", "OLLAMA_MAX_LOADED_MODELS", settings.ollama_max_loaded_models)
        _set(found, "OLLAMA_NUM_PARALLEL", "OLLAMA_NUM_PARALLEL", settings.ollama_num_parallel)
    if work.service == ollama.INIT:
        _set(found, "MODELS_TO_PULL", "OLLAMA_MODELS", " ".join(settings.ollama_models))
    # A secret of the API is a variable of Compose with the same name, without a default.
    found.get("environment", []).extend(f"{name}=${{{name}:?}}" for name in work.secret_env)
    if work.service.startswith(API):
        _set(found, "ORCA_RELEASE", "IMAGE_TAG", settings.image_tag)
        if settings.image_tag != LOCAL:
            found["image"] = f"{settings.api.image}:{_variable('IMAGE_TAG', settings.image_tag)}"
    return found


def secrets(settings: Settings, stack: Stack) -> dict[str, Any]:
    """The secrets of Compose: two files for the edge, and variables of its environment for all others."""
    certificate, key = pair(settings)
    found: dict[str, Any] = {
        "tls_certificate": {"file": _variable("TLS_CERTIFICATE", certificate)},
        "tls_key": {"file": _variable("TLS_KEY", key)},
    }
    found |= {name: {"environment": variable(name)} for name in secret_files(settings, stack)}
    return found | ({"api_key": {"environment": "API_KEY"}} if key_id(settings) else {})


def variable(secret: str) -> str:
    """The variable of a secret: a secret of the API has its own name, `alertmanager-secrets-slack` another spelling."""
    return secret.replace("-", "_").upper() if "-" in secret else secret


def listed(settings: Settings, stack: Stack) -> str:
    """What a person can set, as comments of YAML."""
    files = " and ".join(pair(settings))
    lines = [f"TLS_CERTIFICATE, TLS_KEY: the edge's certificate and key as PEM files (default: {files})"]
    if key := key_id(settings):
        lines.append(f"API_KEY: the value of the API key `{key}`; `openssl rand -hex 32` makes one")
    if names := sorted(settings.api.secrets):
        lines.append(f"{', '.join(names)}: the secrets of the API")
    if told := [variable(name) for name in secret_files(settings, stack) if "-" in name]:
        lines.append(f"{', '.join(told)}: secrets of receivers of alerts, of sinks of logs and of a proxy")
    lines.append(
        "OLLAMA_MODELS, a list with commas, and every other variable of the specification (default: the stack's)"
    )
    return "\n".join(f"# - {line}" for line in lines)


def size(size: int) -> str:
    """A size as compose writes it: 8G, 512M."""
    mib = size // MIB
    return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"


def _set(found: dict[str, Any], name: str, variable: str, default: object) -> None:
    """Let an environment variable of the service come from a variable of the file."""
    found["environment"] = [
        f"{name}={_variable(variable, default)}" if entry.partition("=")[0] == name else entry
        for entry in found["environment"]
    ]


def _variable(name: str, default: object) -> str:
    return f"${{{name}:-{default}}}"
